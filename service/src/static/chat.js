/** The chat: a conversation with a model, streamed. */

import { get, post } from "./api.js";
import { ask, completeOptions, nothingYet, rateOf } from "./completion.js";
import { byId, copies, h, part, tell, write } from "./dom.js";
import { many, messageOf, milliseconds, perSecond } from "./format.js";
import { blocks } from "./prose.js";
import { SchemaEditor } from "./schema-editor.js";

/** @typedef {import("./completion.js").Answer} Answer */
/** @typedef {{ role: "user" | "assistant", content: string, reasoning?: string, meta?: string, model?: string }} Turn */

const KEPT = "mentator.chat";

/** One row an option: name, label, step. Those that the OpenAI-compatible API takes. */
const OPTIONS = /** @type {const} */ ([
    ["temperature", "Temperature", "any"],
    ["maxTokens", "Max. tokens", "1"],
    ["topP", "Top P", "any"],
    ["topK", "Top K", "1"],
    ["minP", "Min P", "any"],
    ["seed", "Seed", "1"],
]);

const transcript = part("transcript");
const message = byId("message", HTMLTextAreaElement);
const model = byId("model", HTMLSelectElement);
const system = byId("system", HTMLTextAreaElement);
const sendButton = byId("send", HTMLButtonElement);
const stopButton = byId("stop", HTMLButtonElement);
const status = part("status");

/** @type {Turn[]} */
let turns = [];
/** @type {AbortController | undefined} */
let running;
/** @type {Map<string, HTMLInputElement>} */
const optionInputs = new Map();

// ---- what is shown ---------------------------------------------------------------------------------

/** @param {readonly import("./prose.js").Piece[]} list */
function inline(list) {
    return list.map(({ kind, text }) => (kind === "text" ? text : h(kind === "code" ? "code" : "strong", {}, text)));
}

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
function fill(place, text) {
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
function addArticle(role, name) {
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
function addTurn({ role, content, reasoning = "", meta = "", model: name = "Model" }) {
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
function showReasoning(place, reasoning) {
    place.hidden = reasoning === "";
    const text = place.lastElementChild;
    if (text !== null) {
        write(text, reasoning);
    }
}

const isAtEnd = () => transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < 60;
const toEnd = () => {
    transcript.scrollTop = transcript.scrollHeight;
};

/**
 * @param {Answer} answer
 * @param {string} end how it ended, if not by itself
 */
function metaOf(answer, end) {
    const { completionTokens, pieces, firstMsec, finish } = answer;
    const tokens = completionTokens ?? pieces;
    const rate = rateOf(answer);
    return [
        tokens > 0 ? `${completionTokens === undefined ? "about " : ""}${many(tokens, "token")}` : "",
        rate === undefined ? "" : `${perSecond(rate)} tokens/s`,
        firstMsec === undefined ? "" : `first after ${milliseconds(firstMsec)}`,
        finish === "length" ? "cut: no room for more" : "",
        end,
    ]
        .filter((text) => text !== "")
        .join(" · ");
}

// ---- settings --------------------------------------------------------------------------------------

/** @returns {import("./completion.js").Options} */
function options() {
    const given = [...optionInputs].filter(([, input]) => input.value !== "").map(([name, input]) => [name, input.valueAsNumber]);
    return Object.fromEntries(given);
}

/** @returns {Promise<import("./completion.js").Options | undefined>} nothing when they cannot be used, which is said */
async function goodOptions() {
    const bad = [...optionInputs.values()].some((input) => input.validity.badInput);
    const given = options();
    const { error, options: whole = {} } = bad ? { error: "Options are numbers." } : await post("/check/options", { options: given });
    tell(part("options-fault"), error);
    return error === "" ? completeOptions(given, whole) : undefined;
}

function keepAll() {
    const kept = {
        turns,
        model: model.value,
        system: system.value,
        options: Object.fromEntries([...optionInputs].map(([name, input]) => [name, input.value])),
        schema: schema.keep(),
    };
    try {
        sessionStorage.setItem(KEPT, JSON.stringify(kept));
    } catch {
        // Full, or switched off: the conversation then ends with the page.
    }
}

/** @returns {any} */
function readKept() {
    try {
        return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    } catch {
        return {};
    }
}

/** @param {string | undefined} wish */
async function loadModels(wish) {
    const [{ models }, state] = await Promise.all([get("/state/models"), get("/state")]);
    model.replaceChildren(...models.map((/** @type {{ name: string }} */ { name }) => h("option", { value: name }, name)));
    const chosen = [wish, state.currentModel?.name].find((name) => models.some((/** @type {{ name: string }} */ one) => one.name === name));
    if (chosen !== undefined) {
        model.value = chosen;
    }
    if (models.length === 0) {
        write(status, "There are no models.");
    }
}

async function loadDefaults() {
    const defaults = await get("/helper/example/options");
    for (const [name, input] of optionInputs) {
        input.placeholder = defaults[name] === undefined ? "random" : String(defaults[name]);
    }
}

// ---- the conversation ------------------------------------------------------------------------------

/** @param {boolean} busy */
function setBusy(busy) {
    sendButton.disabled = busy;
    stopButton.disabled = !busy;
    transcript.setAttribute("aria-busy", String(busy));
}

/**
 * Everything that can be refused before anything is shown.
 * @param {string} text
 * @returns {Promise<import("./completion.js").Question | undefined>}
 */
async function questionFor(text) {
    const chosen = await goodOptions();
    if (chosen === undefined) {
        byId("settings", HTMLDetailsElement).open = true;
        write(status, "An option cannot be used.");
        return undefined;
    }
    if (schema.enabled && !(await schema.check())) {
        byId("settings", HTMLDetailsElement).open = true;
        schema.text.focus();
        write(status, "The schema cannot be used.");
        return undefined;
    }
    const told = system.value.trim() === "" ? [] : [{ role: /** @type {const} */ ("system"), content: system.value }];
    const before = turns.map(({ role, content }) => ({ role, content }));
    return {
        model: model.value,
        messages: [...told, ...before, { role: "user", content: text }],
        options: chosen,
        ...(schema.enabled ? { schema: schema.schema() } : {}),
        grammar: schema.grammar,
    };
}

/**
 * @param {import("./completion.js").Question} question
 * @param {string} text
 * @param {AbortSignal} signal
 */
async function converse(question, text, signal) {
    const asked = addTurn({ role: "user", content: text });
    const view = addArticle("assistant", question.model);
    toEnd();
    const answer = nothingYet();
    let frame = 0;
    const draw = () => {
        frame = 0;
        const follow = isAtEnd();
        fill(view.text, answer.text);
        showReasoning(view.thinking, answer.reasoning);
        // The speed stands beside the answer and not here: this place is read aloud at every change.
        write(view.meta, metaOf(answer, ""));
        write(status, "Generating");
        if (follow) {
            toEnd();
        }
    };
    let end = "";
    write(status, "Waiting for the first token");
    try {
        await ask(question, answer, signal, () => {
            frame ||= requestAnimationFrame(draw);
        });
    } catch (thrown) {
        end = signal.aborted ? "stopped" : messageOf(thrown);
    }
    cancelAnimationFrame(frame);
    draw();
    const failed = end !== "" && !signal.aborted;
    write(view.meta, metaOf(answer, failed ? "failed" : end));
    copies(view.button, () => answer.text);
    if (failed) {
        view.article.append(h("p", { class: "notice error", role: "alert" }, end));
    }
    if (answer.text === "") {
        // Not part of the conversation: the question may be put again.
        view.button.hidden = true;
        asked.article.classList.add("unanswered");
        if (message.value === "") {
            message.value = text;
        }
    } else {
        turns.push(
            { role: "user", content: text },
            { role: "assistant", content: answer.text, reasoning: answer.reasoning, meta: view.meta.textContent, model: question.model },
        );
    }
    write(status, failed ? "Failed" : end === "" ? "" : "Stopped");
    toEnd();
}

async function submit() {
    const text = message.value.trim();
    if (text === "" || running !== undefined) {
        return;
    }
    const control = new AbortController();
    running = control;
    setBusy(true);
    try {
        const question = await questionFor(text);
        if (question !== undefined) {
            message.value = "";
            await converse(question, text, control.signal);
        }
    } catch (thrown) {
        write(status, messageOf(thrown));
    }
    running = undefined;
    setBusy(false);
    keepAll();
    message.focus();
}

// ---- start -----------------------------------------------------------------------------------------

const schema = new SchemaEditor(keepAll);

for (const [name, label, step] of OPTIONS) {
    const input = h("input", { type: "number", step, min: 0, inputmode: "decimal", name });
    input.addEventListener("change", () => {
        keepAll();
        void goodOptions().catch((/** @type {unknown} */ thrown) => tell(part("options-fault"), messageOf(thrown)));
    });
    optionInputs.set(name, input);
    part("options").append(h("label", {}, label, " ", input));
}

const kept = readKept();
const wide = matchMedia("(min-width: 60rem)");
byId("settings", HTMLDetailsElement).open = wide.matches;
wide.addEventListener("change", () => {
    byId("settings", HTMLDetailsElement).open = wide.matches;
});
system.value = kept.system ?? "";
for (const [name, input] of optionInputs) {
    input.value = kept.options?.[name] ?? "";
}
turns = kept.turns ?? [];
turns.forEach(addTurn);
toEnd();

byId("composer", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
});
message.addEventListener("keydown", (event) => {
    // isComposing: Enter then ends a word of an input method, not the message.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        void submit();
    }
});
document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
        running?.abort();
    }
});
stopButton.addEventListener("click", () => running?.abort());
part("clear").addEventListener("click", () => {
    running?.abort();
    turns = [];
    transcript.querySelectorAll("article").forEach((article) => article.remove());
    part("empty").hidden = false;
    write(status, "");
    keepAll();
    message.focus();
});
model.addEventListener("change", keepAll);
system.addEventListener("change", keepAll);

message.focus();
try {
    await loadModels(new URLSearchParams(location.search).get("model") ?? kept.model);
    await loadDefaults();
    if (kept.schema !== undefined) {
        schema.restore(kept.schema);
    }
} catch (thrown) {
    write(status, messageOf(thrown));
}
