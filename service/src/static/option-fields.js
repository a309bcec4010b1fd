/** The fields for the options of an answer. Empty ones leave the service's default. */

import { post } from "./api.js";
import { completeOptions } from "./completion.js";
import { h, part, tell } from "./dom.js";
import { messageOf } from "./format.js";

/** @typedef {import("./completion.js").Options} Options */

/** One row an option: name, label, step. Those that the OpenAI-compatible API takes. */
const OPTIONS = /** @type {const} */ ([
    ["temperature", "Temperature", "any"],
    ["maxTokens", "Max. tokens", "1"],
    ["topP", "Top P", "any"],
    ["topK", "Top K", "1"],
    ["minP", "Min P", "any"],
    ["seed", "Seed", "1"],
]);

export class OptionFields {
    /** @param {() => void} onChange */
    constructor(onChange) {
        /** @type {Map<string, HTMLInputElement>} */
        this.inputs = new Map();
        for (const [name, label, step] of OPTIONS) {
            const input = h("input", { type: "number", step, min: 0, inputmode: "decimal", name });
            input.addEventListener("change", () => {
                onChange();
                void this.check().catch((/** @type {unknown} */ thrown) => tell(part("options-fault"), messageOf(thrown)));
            });
            this.inputs.set(name, input);
            part("options").append(h("label", {}, label, " ", input));
        }
    }

    /** Shows the defaults in the empty fields. */
    async loadDefaults() {
        const { options: defaults } = await post("/check/options", { options: {} });
        for (const [name, input] of this.inputs) {
            input.placeholder = defaults[name] === undefined ? "random" : String(defaults[name]);
        }
    }

    /** @returns {Promise<Options | undefined>} nothing when they cannot be used, and the page says why */
    async check() {
        const inputs = [...this.inputs.values()];
        const bad = inputs.some((input) => input.validity.badInput);
        /** @type {Options} */
        const given = Object.fromEntries(inputs.filter((input) => input.value !== "").map((input) => [input.name, input.valueAsNumber]));
        const { error, options: whole = {}, replaced = [] } = bad ? { error: "Options are numbers." } : await post("/check/options", { options: given });
        const fault = error === "" ? replaced.join("; ") : error;
        tell(part("options-fault"), fault);
        return fault === "" ? completeOptions(given, whole) : undefined;
    }

    /** @returns {Record<string, string>} the texts of the fields, for `restore` */
    keep() {
        return Object.fromEntries([...this.inputs].map(([name, input]) => [name, input.value]));
    }

    /** @param {Record<string, string>} kept */
    restore(kept) {
        for (const [name, input] of this.inputs) {
            input.value = kept[name] ?? "";
        }
    }
}
