/** Both logs: the newest rows as they come, or a day's. */

import { get } from "./api.js";
import { byId, h, part, tell, write } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./poll.js";

/** @typedef {{ id: number, ts: number, pipe: string, kind: string, message: string, data: string | null }} CoreRow */
/**
 * @typedef {import("./history.js").Row & { request: string | null, response: string | null, answerRaw: string | null }} ChatRow
 */

/** Rows of one answer of the API. */
const PAGE_ROWS = 200;
/** Rows that the page keeps; older ones go. */
const MOST_ROWS = 2000;
const EVERY_MSEC = 1500;
/** From bad to harmless. */
const KINDS = ["error", "warn", "info", "debug", "trace"];

const source = part("main").dataset["log"] === "chat" ? "chat" : "core";
const filter = byId("filter", HTMLInputElement);
const level = byId("level", HTMLSelectElement);
const date = byId("date", HTMLInputElement);
const hour = byId("hour", HTMLSelectElement);
const live = byId("live", HTMLButtonElement);
const box = part("rows-box");
const body = part("rows");
const files = part("files");

/** @type {number | undefined} */
let lastId;
/** What the words of the filter and the level are held against, by row. */
const facts = /** @type {WeakMap<Element, { text: string, level: string }>} */ (new WeakMap());

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
function coreRow({ ts, pipe, kind, message, data }) {
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
 * JSON for people, other texts as they are.
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
function chatRow({ ts, durationPromptMsec, durationQueueMsec, code, request, response, answerRaw }) {
    const texts = /** @type {const} */ ([["Request", request], ["Response", response], ["The model's text", answerRaw]]).filter(([, text]) => text !== null);
    const details = h("details", {}, h("summary", {}, summaryOf(request, response)));
    // Made when somebody looks: 2000 rows of long texts are much.
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
        return line.length > 160 ? `${line.slice(0, 160)}…` : line;
    } catch {
        return "Texts";
    }
}

function words() {
    return filter.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/**
 * @param {Element} row
 * @param {readonly string[]} wanted
 */
function passes(row, wanted) {
    const fact = facts.get(row);
    if (fact === undefined) {
        return true;
    }
    const fits = level.value === "" || (source === "chat" ? fact.level === level.value : KINDS.indexOf(fact.level) <= KINDS.indexOf(level.value));
    return fits && wanted.every((word) => fact.text.includes(word));
}

function applyFilter() {
    const wanted = words();
    let shown = 0;
    for (const row of body.children) {
        const ok = passes(row, wanted);
        /** @type {HTMLElement} */ (row).hidden = !ok;
        shown += Number(ok);
    }
    if (!files.hidden) {
        files.querySelectorAll("details").forEach((details) => details.dispatchEvent(new Event("toggle")));
        return;
    }
    const all = body.childElementCount;
    write(part("status"), all === 0 ? "No rows." : shown === all ? format.many(all, "row") : `${format.count(shown)} of ${format.many(all, "row")}`);
}

/** The newest row stays in sight, unless the reader has scrolled away from it. */
function isAtEnd() {
    return box.scrollHeight - box.scrollTop - box.clientHeight < 40;
}

const isLive = () => live.getAttribute("aria-pressed") === "true";

async function refresh() {
    try {
        for (;;) {
            const after = lastId === undefined ? "" : `&afterId=${lastId}`;
            const { logs } = await get(`/log/${source}/byid?limit=${PAGE_ROWS}${after}`);
            if (!isLive()) {
                return;
            }
            const first = lastId === undefined;
            const follow = first || isAtEnd();
            for (const row of logs) {
                body.append(source === "chat" ? chatRow(row) : coreRow(row));
                lastId = row.id;
            }
            lastId ??= 0;
            while (body.childElementCount > MOST_ROWS) {
                body.firstElementChild?.remove();
            }
            if (logs.length > 0 || first) {
                applyFilter();
            }
            if (follow && logs.length > 0) {
                box.scrollTop = box.scrollHeight;
            }
            tell(part("trouble"), "");
            if (first || logs.length < PAGE_ROWS) {
                return;
            }
        }
    } catch (thrown) {
        tell(part("trouble"), format.messageOf(thrown));
    }
}

/** @param {{ filename: string, content: string }} file */
function fileView({ filename, content }, open = false) {
    const text = h("pre", { tabindex: 0 });
    const details = h("details", { open }, h("summary", {}, filename), text);
    const lines = source === "chat" ? [content.trimEnd()] : content.trimEnd().split("\n");
    const show = () => {
        if (details.open) {
            const wanted = words();
            const fitting = lines.filter((line) => wanted.every((word) => line.toLowerCase().includes(word)));
            text.textContent = fitting.length === 0 ? "No line has these words." : fitting.join("\n");
        }
    };
    details.addEventListener("toggle", show);
    show();
    return details;
}

async function showDay() {
    const status = part("status");
    write(status, "Reading");
    try {
        const chosen = `date=${date.value.replaceAll("-", "")}${hour.value === "" ? "" : `&hour=${hour.value}`}`;
        /** @type {{ filename: string, content: string }[]} */
        const found = await get(`/log/${source}/bydate?${chosen}`);
        files.replaceChildren(...found.map((file) => fileView(file, found.length === 1)));
        write(status, found.length === 0 ? "Nothing was logged then." : format.many(found.length, source === "chat" ? "request" : "hour"));
        tell(part("trouble"), "");
    } catch (thrown) {
        write(status, "");
        tell(part("trouble"), format.messageOf(thrown));
    }
}

const polling = poll(refresh, EVERY_MSEC);

/** @param {boolean} wish */
function setLive(wish) {
    live.setAttribute("aria-pressed", String(wish));
    polling.pause(!wish);
}

function chooseDay() {
    const byDay = date.value !== "";
    setLive(!byDay);
    box.hidden = byDay;
    files.hidden = !byDay;
    level.disabled = byDay;
    if (byDay) {
        void showDay();
    } else {
        hour.value = "";
        applyFilter();
    }
}

hour.replaceChildren(
    h("option", { value: "" }, "all"),
    ...Array.from({ length: 24 }, (_, index) => String(index).padStart(2, "0")).map((value) => h("option", { value }, value)),
);
part("tools").addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", applyFilter);
level.addEventListener("change", applyFilter);
date.addEventListener("change", chooseDay);
hour.addEventListener("change", () => {
    if (date.value === "") {
        date.value = new Date().toISOString().slice(0, 10);
    }
    chooseDay();
});
live.addEventListener("click", () => {
    if (date.value === "") {
        setLive(!isLive());
    } else {
        date.value = "";
        chooseDay();
    }
});

if (source === "chat") {
    const dialog = byId("delete-dialog", HTMLDialogElement);
    part("delete").addEventListener("click", () => {
        dialog.returnValue = "";
        dialog.showModal();
    });
    dialog.addEventListener("close", () => {
        if (dialog.returnValue === "delete") {
            void get("/log/chat", { method: "DELETE" }).then(
                ({ deleted }) => {
                    body.replaceChildren();
                    lastId = undefined;
                    date.value = "";
                    chooseDay();
                    write(part("status"), `${format.many(deleted, "request")} deleted.`);
                },
                (/** @type {unknown} */ thrown) => tell(part("trouble"), format.messageOf(thrown)),
            );
        }
    });
}
