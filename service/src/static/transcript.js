/** The transcript of a chat: questions and answers as elements. */

import { copies, h, part, write } from "./dom.js";
import { inline } from "./inline.js";
import { blocks } from "./prose.js";

/** @typedef {{ role: "user" | "assistant", content: string, reasoning?: string, meta?: string, model?: string }} Turn */

/** Pixels from the end at which the reader still counts as being there. */
const NEAR_END = 60;

const transcript = part("transcript");

/** @param {import("./prose.js").Block} block */
function blockElement(block) {
    if (block.kind === "list") {
        return h(block.ordered ? "ol" : "ul", {}, ...block.items.map((item) => h("li", {}, ...inline(item))));
    }
    if (block.kind === "code") {
        const { text, language } = block;
        const button = h("button", { type: "button", "aria-label": "Copy code" }, "Copy");
        copies(button, () => text);
        return h("div", { class: "copyable" }, h("pre", { tabindex: 0, "aria-label": language || "Code" }, text), button);
    }
    return h("p", { class: block.kind === "heading" ? "heading" : undefined }, ...inline(block.pieces));
}

/**
 * A JSON answer as code, laid out once it is whole; other texts as blocks.
 * @param {HTMLElement} place
 * @param {string} text
 */
export function fill(place, text) {
    const isJson = /^\s*[[{]/.test(text);
    let list = blocks(text);
    if (isJson) {
        let shown = text;
        try {
            shown = JSON.stringify(JSON.parse(text), null, 2);
        } catch {
            // Not whole yet.
        }
        list = [{ kind: "code", language: "json", text: shown }];
    }
    place.replaceChildren(...list.map(blockElement));
}

/**
 * @param {"user" | "assistant"} role
 * @param {string} name
 */
export function addArticle(role, name) {
    const text = h("div", { class: "text" });
    const meta = h("span", { class: "note meta" });
    const button = h("button", { type: "button", class: "quiet small", "aria-label": `Copy ${role === "user" ? "question" : "answer"}` }, "Copy");
    const thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, "Reasoning"), h("p"));
    const foot = h("footer", {}, meta, button);
    const article = h("article", { class: `turn ${role}` }, h("h2", {}, name), thinking, text, foot);
    part("empty").hidden = true;
    transcript.append(article);
    return { article, text, meta, button, thinking };
}

/** @param {Turn} turn */
export function addTurn({ role, content, reasoning = "", meta = "", model: name = "Model" }) {
    const view = addArticle(role, role === "user" ? "You" : name);
    if (role === "user") {
        view.text.textContent = content;
    } else {
        fill(view.text, content);
    }
    showReasoning(view.thinking, reasoning);
    write(view.meta, meta);
    copies(view.button, () => content);
    return view;
}

/**
 * @param {HTMLDetailsElement} place
 * @param {string} reasoning
 */
export function showReasoning(place, reasoning) {
    place.hidden = reasoning === "";
    const text = place.lastElementChild;
    if (text !== null) {
        write(text, reasoning);
    }
}

/** Whether the reader sees the end, and so wants to see what comes. */
export const isAtEnd = () => transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < NEAR_END;

export function toEnd() {
    transcript.scrollTop = transcript.scrollHeight;
}

/** @param {boolean} busy an answer is being written */
export function setTranscriptBusy(busy) {
    transcript.setAttribute("aria-busy", String(busy));
}

export function clearTranscript() {
    transcript.querySelectorAll("article").forEach((article) => article.remove());
    part("empty").hidden = false;
}
