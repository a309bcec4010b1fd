/** Calls of an OpenAPI document as elements: parameters, body, answers, and the schemas in them. */

import { h } from "./dom.js";
import { inline } from "./inline.js";
import { limitsOf } from "./openapi.js";
import { pieces } from "./prose.js";

/** @typedef {import("./openapi.js").References} References */

/** Levels of a schema that are shown: schemas may refer to themselves. */
const DEEPEST = 8;

/**
 * Names in backticks become code, as OpenAPI's CommonMark means them.
 * @param {string} text
 */
export function prose(text) {
    return inline(pieces(text));
}

export class CallViews {
    /** @param {References} references */
    constructor(references) {
        this.references = references;
    }

    /**
     * @param {string} path
     * @param {string} method
     * @param {any} operation
     */
    call(path, method, operation) {
        const body = this.references.resolve(operation.requestBody);
        const id = `${method}${path}`.replaceAll(/[^\w]+/g, "-");
        const view = h(
            "details",
            { class: "call", id },
            h("summary", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", {}, path), h("span", { class: "about" }, ...prose(operation.summary ?? ""))),
            operation.description === undefined ? undefined : h("p", {}, ...prose(operation.description)),
            this.#parameters(operation),
            body === undefined ? undefined : h("section", {}, h("h4", {}, "Body"), ...this.#body(body.content, true)),
            this.#answers(operation),
        );
        view.dataset["text"] = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
        view.addEventListener("toggle", () => {
            if (view.open && view.contains(document.activeElement)) {
                history.replaceState(null, "", `#${id}`);
            }
        });
        return view;
    }

    /** @param {any} operation */
    #parameters({ parameters = [] }) {
        if (parameters.length === 0) {
            return undefined;
        }
        const rows = parameters.map((/** @type {any} */ given) => {
            const one = this.references.resolve(given);
            const schema = { ...this.references.resolve(one.schema ?? {}), description: one.description ?? one.schema?.description };
            return h("li", {}, ...this.#line(one.name, schema, one.required === true), h("span", { class: "note" }, `in ${one.in}`));
        });
        return h("section", {}, h("h4", {}, "Parameters"), h("ul", { class: "schema" }, ...rows));
    }

    /** @param {any} operation */
    #answers({ responses = {} }) {
        const rows = Object.entries(responses).map(([status, given]) => {
            const answer = this.references.resolve(given);
            const good = status.startsWith("2");
            const name = [h("span", { class: `tag ${good ? "good" : "warn"}` }, status), " ", answer.description === "Default Response" ? "" : (answer.description ?? "")];
            const views = this.#body(answer.content);
            return views.length === 0 ? h("p", { class: "answer" }, ...name) : h("details", { class: "answer", open: good }, h("summary", {}, ...name), ...views);
        });
        return h("section", {}, h("h4", {}, "Answers"), ...rows);
    }

    /**
     * @param {any} content
     * @param {boolean} [withExample]
     */
    #body(content, withExample = false) {
        return Object.entries(content ?? {}).map(([type, { schema = {}, example }]) => {
            const resolved = this.references.resolve(schema);
            const shown = example ?? (withExample ? resolved.examples?.[0] : undefined);
            return h(
                "div",
                {},
                h("p", { class: "note" }, type, " · ", this.references.typeOf(resolved)),
                this.#properties(resolved),
                shown === undefined ? undefined : h("pre", { tabindex: 0 }, JSON.stringify(shown, null, 2)),
            );
        });
    }

    /**
     * @param {any} given
     * @param {number} depth
     * @returns {HTMLElement | undefined}
     */
    #properties(given, depth = 0) {
        const parts = this.references.insides(this.references.resolve(given));
        if (parts.length === 0 || depth > DEEPEST) {
            return undefined;
        }
        const lists = parts.map((schema) =>
            h("ul", { class: "schema" }, ...Object.entries(schema.properties).map(([name, inner]) => this.#property(name, this.references.resolve(inner), schema.required?.includes(name) === true, depth))),
        );
        const [only] = lists;
        return lists.length === 1 ? only : h("div", { class: "choices" }, ...lists.flatMap((list, index) => [h("p", { class: "note" }, index === 0 ? "either" : "or"), list]));
    }

    /**
     * @param {string} name
     * @param {any} schema
     * @param {boolean} required
     * @param {number} depth
     * @returns {HTMLElement}
     */
    #property(name, schema, required, depth) {
        return h("li", {}, ...this.#line(name, schema, required), this.#properties(schema, depth + 1));
    }

    /**
     * @param {string} name
     * @param {any} schema
     * @param {boolean} required
     */
    #line(name, schema, required) {
        const limits = limitsOf(schema);
        return [
            h("code", { class: "name" }, name),
            h("span", { class: "type" }, this.references.typeOf(schema)),
            required ? h("span", { class: "required" }, "required") : undefined,
            limits === "" ? undefined : h("span", { class: "note" }, limits),
            schema.description === undefined ? undefined : h("span", { class: "about" }, ...prose(schema.description)),
        ];
    }
}
