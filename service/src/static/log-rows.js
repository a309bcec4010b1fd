/** Rows of both logs as table rows, each with the text and level that a filter compares. */

import { h } from "./dom.js";
import * as format from "./format.js";

/** @typedef {{ id: number, ts: number, pipe: string, kind: string, message: string, data: string | null }} CoreRow */
/**
 * @typedef {import("./history.js").Row & { request: string | null, response: string | null, answerRaw: string | null }} ChatRow
 */

/** @typedef {{ text: string, level: string }} Fact what the filter's words and the level are compared with */

/** Characters of a request in its row. */
const SUMMARY = 160;

/** @type {WeakMap<Element, Fact>} */
const facts = new WeakMap();

/** @param {Element} row */
export const factOf = (row) => facts.get(row);

/** @param {number} ts */
const timeCell = (ts) => h("td", { class: "time", title: new Date(ts).toISOString() }, `${format.day(ts)} ${format.clock(ts)}`);

/**
 * A row's JSON in a line: `name value`.
 * @param {string} data
 */
function dataLine(data) {
    try {
        return Object.entries(JSON.parse(data)).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
    } catch {
        return data;
    }
}

/** @param {CoreRow} row */
export function coreRow({ ts, pipe, kind, message, data }) {
    const row = h(
        "tr",
        { class: `kind-${kind}` },
        timeCell(ts),
        h("td", {}, h("span", { class: `tag ${kind}` }, kind)),
        h("td", { class: "pipe" }, pipe),
        h("td", { class: "message" }, message, data === null ? undefined : h("code", { class: "data" }, dataLine(data))),
    );
    facts.set(row, { text: `${kind} ${pipe} ${message} ${data ?? ""}`.toLowerCase(), level: kind });
    return row;
}

/**
 * JSON with indentation, other texts as they are.
 * @param {string} text
 */
function tidy(text) {
    try {
        return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
        return text;
    }
}

/** @param {ChatRow} row */
export function chatRow({ ts, durationPromptMsec, durationQueueMsec, code, request, response, answerRaw }) {
    const texts = /** @type {const} */ ([["Request", request], ["Response", response], ["The model's text", answerRaw]]).filter(([, text]) => text !== null);
    const details = h("details", {}, h("summary", {}, summaryOf(request, response)));
    // Made when it is opened: 2000 rows of long texts would take much memory.
    details.addEventListener("toggle", () => {
        if (details.childElementCount === 1) {
            details.append(...texts.flatMap(([title, text]) => [h("h3", {}, title), h("pre", { tabindex: 0 }, tidy(text ?? ""))]));
        }
    });
    const good = code === 200;
    const row = h(
        "tr",
        {},
        timeCell(ts),
        h("td", {}, h("span", { class: `tag ${good ? "good" : "error"}` }, String(code))),
        h("td", { class: "num" }, format.milliseconds(durationPromptMsec)),
        h("td", { class: "num" }, format.milliseconds(durationQueueMsec)),
        h("td", { class: "message" }, texts.length === 0 ? h("span", { class: "note" }, "not kept") : details),
    );
    facts.set(row, { text: `${code} ${request ?? ""} ${response ?? ""}`.toLowerCase(), level: good ? "good" : "failed" });
    return row;
}

/**
 * The last message of a request in one line.
 * @param {string | null} request
 * @param {string | null} response
 */
function summaryOf(request, response) {
    try {
        const { message, messages, prompt, input } = JSON.parse(request ?? "{}");
        const text = message?.user ?? message ?? messages?.at(-1)?.content ?? prompt ?? input ?? JSON.parse(response ?? "{}").error;
        const line = typeof text === "string" ? text : JSON.stringify(text);
        return line.length > SUMMARY ? `${line.slice(0, SUMMARY)}…` : line;
    } catch {
        return "Texts";
    }
}

