/** The chat page: a conversation with a model, its settings, and its buttons. */

import { get } from "./api.js";
import { keepChat, keptChat } from "./chat-memory.js";
import { converse } from "./conversation.js";
import { byId, h, part, write } from "./dom.js";
import { messageOf } from "./format.js";
import { OptionFields } from "./option-fields.js";
import { SchemaEditor } from "./schema-editor.js";
import { addTurn, clearTranscript, setTranscriptBusy, toEnd } from "./transcript.js";

/** @typedef {import("./transcript.js").Turn} Turn */

const message = byId("message", HTMLTextAreaElement);
const model = byId("model", HTMLSelectElement);
const system = byId("system", HTMLTextAreaElement);
const settings = byId("settings", HTMLDetailsElement);
const sendButton = byId("send", HTMLButtonElement);
const stopButton = byId("stop", HTMLButtonElement);
const status = part("status");

/** @type {Turn[]} */
let turns = [];
/** @type {AbortController | undefined} */
let running;

const options = new OptionFields(keepAll);
const schema = new SchemaEditor(keepAll);

function keepAll() {
    keepChat({ turns, model: model.value, system: system.value, options: options.keep(), schema: schema.keep() });
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

/** @param {boolean} busy */
function setBusy(busy) {
    sendButton.disabled = busy;
    stopButton.disabled = !busy;
    setTranscriptBusy(busy);
}

/**
 * Everything that can be refused before anything is shown.
 * @param {string} text
 * @returns {Promise<import("./completion.js").Question | undefined>}
 */
async function questionFor(text) {
    const chosen = await options.check();
    if (chosen === undefined) {
        settings.open = true;
        write(status, "An option cannot be used.");
        return undefined;
    }
    if (schema.enabled && !(await schema.check())) {
        settings.open = true;
        schema.text.focus();
        write(status, "The schema cannot be used.");
        return undefined;
    }
    const instructions = system.value.trim() === "" ? [] : [{ role: /** @type {const} */ ("system"), content: system.value }];
    const before = turns.map(({ role, content }) => ({ role, content }));
    return {
        model: model.value,
        messages: [...instructions, ...before, { role: "user", content: text }],
        options: chosen,
        ...(schema.enabled ? { schema: schema.schema() } : {}),
        grammar: schema.grammar,
    };
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
        // "New chat" may have come while the question was checked: nothing is asked then.
        if (question !== undefined && !control.signal.aborted) {
            message.value = "";
            // "New chat" begins another list: an answer that is cut then does not belong to it.
            const conversation = turns;
            const added = await converse(question, text, control.signal, (now) => write(status, now));
            conversation.push(...added);
            if (added.length === 0 && message.value === "") {
                message.value = text;
            }
        }
    } catch (thrown) {
        write(status, messageOf(thrown));
    }
    running = undefined;
    setBusy(false);
    keepAll();
    message.focus();
}

const kept = keptChat();
const wide = matchMedia("(min-width: 60rem)");
settings.open = wide.matches;
wide.addEventListener("change", () => {
    settings.open = wide.matches;
});
system.value = kept.system ?? "";
options.restore(kept.options ?? {});
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
    clearTranscript();
    write(status, "");
    keepAll();
    message.focus();
});
model.addEventListener("change", keepAll);
system.addEventListener("change", keepAll);

message.focus();
try {
    await loadModels(new URLSearchParams(location.search).get("model") ?? kept.model);
    await options.loadDefaults();
    if (kept.schema !== undefined) {
        schema.restore(kept.schema);
    }
} catch (thrown) {
    write(status, messageOf(thrown));
}
