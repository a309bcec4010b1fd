/** The editor of the answer's JSON Schema: shows while one types whether the service can use it. */

import { get, post } from "./api.js";
import { byId, part, write } from "./dom.js";
import { messageOf } from "./format.js";

/** From the last key to the check. */
const PAUSE_MSEC = 400;

const NOTES = {
    on: "The model can only write what fits the schema.",
    off: "The model writes freely, and the finished answer is checked against the schema. It comes in one piece, and earlier messages are not sent.",
};

export class SchemaEditor {
    /** @param {() => void} onChange */
    constructor(onChange) {
        this.wanted = byId("json", HTMLInputElement);
        this.text = byId("schema", HTMLTextAreaElement);
        this.grammarBox = byId("grammar", HTMLInputElement);
        this.verdict = part("verdict");
        this.onChange = onChange;
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.timer = undefined;
        this.round = 0;
        this.wanted.addEventListener("change", () => void this.#open());
        this.text.addEventListener("input", () => this.#later());
        this.grammarBox.addEventListener("change", () => {
            this.#showNote();
            this.#later();
        });
        part("example").addEventListener("click", () => void this.#example());
        part("tidy").addEventListener("click", () => this.#tidy());
        this.#showNote();
    }

    /** Whether the answer must have a schema; `schema` throws when the text is not one. */
    get enabled() {
        return this.wanted.checked;
    }

    get grammar() {
        return this.grammarBox.checked;
    }

    /** @returns {object} */
    schema() {
        /** @type {unknown} */
        const value = JSON.parse(this.text.value);
        if (value === null || typeof value !== "object" || Array.isArray(value)) {
            throw new Error("A schema is a JSON object.");
        }
        return value;
    }

    /** @param {{ wanted: boolean, text: string, grammar: boolean }} kept */
    restore({ wanted, text, grammar }) {
        this.wanted.checked = wanted;
        this.text.value = text;
        this.grammarBox.checked = grammar;
        this.#showNote();
        void this.#open();
    }

    keep() {
        return { wanted: this.enabled, text: this.text.value, grammar: this.grammar };
    }

    async #open() {
        part("json-fields").hidden = !this.enabled;
        if (this.enabled) {
            await (this.text.value.trim() === "" ? this.#example() : this.check());
        }
        this.onChange();
    }

    #showNote() {
        write(part("grammar-note"), this.grammar ? NOTES.on : NOTES.off);
    }

    #later() {
        clearTimeout(this.timer);
        this.onChange();
        this.timer = setTimeout(() => void this.check(), PAUSE_MSEC);
    }

    /**
     * Checks the schema in the editor, and shows the result.
     * @returns {Promise<boolean>} whether it can be used as the switch says
     */
    async check() {
        const round = ++this.round;
        /** @type {object} */
        let schema;
        try {
            schema = this.schema();
        } catch (thrown) {
            return this.#show("bad", `Not JSON: ${messageOf(thrown)}`);
        }
        try {
            const call = this.grammar ? "/check/gbnf" : "/check/jsonresponse";
            const { error } = await post(call, { schema });
            if (round !== this.round) {
                return false;
            }
            const good = this.grammar ? "Valid, and usable as a grammar" : "Valid";
            return error === "" ? this.#show("good", good) : this.#show("bad", error);
        } catch (thrown) {
            return this.#show("bad", messageOf(thrown));
        }
    }

    /**
     * @param {"good" | "bad"} kind
     * @param {string} text
     */
    #show(kind, text) {
        this.verdict.className = `verdict ${kind}`;
        this.text.setAttribute("aria-invalid", String(kind === "bad"));
        write(this.verdict, text);
        return kind === "good";
    }

    async #example() {
        try {
            this.text.value = (await get("/helper/example/jsonresponse")).schema;
            await this.check();
            this.onChange();
        } catch (thrown) {
            this.#show("bad", messageOf(thrown));
        }
    }

    #tidy() {
        try {
            this.text.value = JSON.stringify(this.schema(), null, 2);
        } catch {
            // The result of the check already says what is wrong.
        }
        void this.check();
    }
}
