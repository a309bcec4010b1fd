/** The OpenAPI document, readable: calls by subject, with parameters, bodies, answers and errors. */

import { get } from "./api.js";
import { byId, h, part, tell, write } from "./dom.js";
import { messageOf } from "./format.js";
import { pieces } from "./prose.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Schemas may refer to themselves. */
const DEEPEST = 8;

/** Of groups that are no words. */
const TITLES = /** @type {Record<string, string | undefined>} */ ({ openai: "OpenAI" });

/** @type {any} */
let spec;

/**
 * Names in backticks become code, as OpenAPI's CommonMark means them.
 * @param {string} text
 */
function prose(text) {
    return pieces(text).map(({ kind, text: piece }) => (kind === "text" ? piece : h(kind === "code" ? "code" : "strong", {}, piece)));
}

/**
 * A reference's target; the thing itself when it is none.
 * @param {any} thing
 */
function resolve(thing) {
    if (typeof thing?.$ref !== "string") {
        return thing;
    }
    const steps = thing.$ref.replace(/^#\//, "").split("/");
    return steps.reduce((/** @type {any} */ at, /** @type {string} */ step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
}

/**
 * @param {any} schema
 * @returns {string}
 */
function typeOf(schema) {
    if (schema.const !== undefined) {
        return JSON.stringify(schema.const);
    }
    const choices = schema.anyOf ?? schema.oneOf;
    if (Array.isArray(choices)) {
        const names = choices.map((choice) => typeOf(resolve(choice)));
        return [...new Set(names)].join(" or ");
    }
    if (schema.type === "array") {
        return `array of ${typeOf(resolve(schema.items ?? {}))}`;
    }
    const type = Array.isArray(schema.type) ? schema.type.join(" or ") : (schema.type ?? "any");
    return schema.nullable === true ? `${type} or null` : type;
}

const LIMITS = /** @type {const} */ ([
    ["minimum", "≥ "],
    ["exclusiveMinimum", "> "],
    ["maximum", "≤ "],
    ["exclusiveMaximum", "< "],
    ["minLength", "length ≥ "],
    ["maxLength", "length ≤ "],
    ["minItems", "items ≥ "],
    ["maxItems", "items ≤ "],
    ["pattern", "pattern "],
    ["format", "format "],
    ["default", "default "],
]);

/** @param {any} schema */
function limitsOf(schema) {
    const limits = LIMITS.filter(([key]) => schema[key] !== undefined).map(([key, word]) => word + (typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key])));
    const values = Array.isArray(schema.enum) ? [`one of ${schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ")}`] : [];
    return [...values, ...limits].join(", ");
}

/**
 * The parts of a schema that have properties of their own.
 * @param {any} schema
 * @returns {any[]}
 */
function insides(schema) {
    const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (Array.isArray(choices)) {
        return choices.flatMap((choice) => insides(resolve(choice)));
    }
    if (schema.type === "array") {
        return insides(resolve(schema.items ?? {}));
    }
    return schema.properties === undefined ? [] : [schema];
}

/**
 * @param {any} given
 * @param {number} depth
 * @returns {HTMLElement | undefined}
 */
function properties(given, depth = 0) {
    const parts = insides(resolve(given));
    if (parts.length === 0 || depth > DEEPEST) {
        return undefined;
    }
    const lists = parts.map((schema) =>
        h("ul", { class: "schema" }, ...Object.entries(schema.properties).map(([name, inner]) => property(name, resolve(inner), schema.required?.includes(name) === true, depth))),
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
function property(name, schema, required, depth) {
    return h("li", {}, ...line(name, schema, required), properties(schema, depth + 1));
}

/**
 * @param {string} name
 * @param {any} schema
 * @param {boolean} required
 */
function line(name, schema, required) {
    const limits = limitsOf(schema);
    return [
        h("code", { class: "name" }, name),
        h("span", { class: "type" }, typeOf(schema)),
        required ? h("span", { class: "required" }, "required") : undefined,
        limits === "" ? undefined : h("span", { class: "note" }, limits),
        schema.description === undefined ? undefined : h("span", { class: "about" }, ...prose(schema.description)),
    ];
}

/**
 * @param {any} content
 * @param {boolean} [withExample]
 */
function bodyView(content, withExample = false) {
    return Object.entries(content ?? {}).map(([type, { schema = {}, example }]) => {
        const resolved = resolve(schema);
        const shown = example ?? (withExample ? resolved.examples?.[0] : undefined);
        return h(
            "div",
            {},
            h("p", { class: "note" }, type, " · ", typeOf(resolved)),
            properties(resolved),
            shown === undefined ? undefined : h("pre", { tabindex: 0 }, JSON.stringify(shown, null, 2)),
        );
    });
}

/** @param {any} operation */
function parametersView({ parameters = [] }) {
    if (parameters.length === 0) {
        return undefined;
    }
    const rows = parameters.map(resolve).map((/** @type {any} */ one) => {
        const schema = { ...resolve(one.schema ?? {}), description: one.description ?? one.schema?.description };
        return h("li", {}, ...line(one.name, schema, one.required === true), h("span", { class: "note" }, `in ${one.in}`));
    });
    return h("section", {}, h("h4", {}, "Parameters"), h("ul", { class: "schema" }, ...rows));
}

/** @param {any} operation */
function answersView({ responses = {} }) {
    const rows = Object.entries(responses).map(([status, given]) => {
        const answer = resolve(given);
        const good = status.startsWith("2");
        const name = [h("span", { class: `tag ${good ? "good" : "warn"}` }, status), " ", answer.description === "Default Response" ? "" : (answer.description ?? "")];
        const views = bodyView(answer.content);
        return views.length === 0 ? h("p", { class: "answer" }, ...name) : h("details", { class: "answer", open: good }, h("summary", {}, ...name), ...views);
    });
    return h("section", {}, h("h4", {}, "Answers"), ...rows);
}

/**
 * @param {string} path
 * @param {string} method
 * @param {any} operation
 */
function callView(path, method, operation) {
    const body = resolve(operation.requestBody);
    const id = `${method}${path}`.replaceAll(/[^\w]+/g, "-");
    const view = h(
        "details",
        { class: "call", id },
        h("summary", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", {}, path), h("span", { class: "about" }, ...prose(operation.summary ?? ""))),
        operation.description === undefined ? undefined : h("p", {}, ...prose(operation.description)),
        parametersView(operation),
        body === undefined ? undefined : h("section", {}, h("h4", {}, "Body"), ...bodyView(body.content, true)),
        answersView(operation),
    );
    view.dataset["text"] = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
    view.addEventListener("toggle", () => {
        if (view.open && view.contains(document.activeElement)) {
            history.replaceState(null, "", `#${id}`);
        }
    });
    return view;
}

function show() {
    write(part("version"), spec.info?.version ?? "");
    part("about").replaceChildren(...prose(spec.info?.description ?? ""));
    const calls = Object.entries(spec.paths ?? {}).flatMap(([path, item]) =>
        METHODS.filter((method) => item[method] !== undefined).map((method) => ({ path, method, operation: item[method] })),
    );
    const known = (spec.tags ?? []).map((/** @type {any} */ tag) => tag.name);
    const names = [...new Set([...known, ...calls.map(({ operation }) => operation.tags?.[0] ?? "other")])];
    const groups = names.map((name) => {
        const own = calls.filter(({ operation }) => (operation.tags?.[0] ?? "other") === name);
        const about = (spec.tags ?? []).find((/** @type {any} */ tag) => tag.name === name)?.description;
        return own.length === 0
            ? undefined
            : h(
                  "section",
                  { class: "group" },
                  h("h2", {}, TITLES[name] ?? name, " ", h("span", { class: "note" }, about ?? "")),
                  ...own.map(({ path, method, operation }) => callView(path, method, operation)),
              );
    });
    part("calls").replaceChildren(...groups.filter((group) => group !== undefined));
}

function openHash() {
    const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (wanted instanceof HTMLDetailsElement) {
        wanted.open = true;
        wanted.scrollIntoView();
    }
}

const filter = byId("filter", HTMLInputElement);
filter.form?.addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    document.querySelectorAll(".group").forEach((group) => {
        const calls = [...group.querySelectorAll("details.call")].filter((call) => call instanceof HTMLElement);
        calls.forEach((call) => {
            call.hidden = !words.every((word) => call.dataset["text"]?.includes(word));
        });
        /** @type {HTMLElement} */ (group).hidden = calls.every((call) => call.hidden);
    });
});
const all = byId("all", HTMLButtonElement);
all.addEventListener("click", () => {
    const open = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(open));
    document.querySelectorAll("details.call").forEach((call) => call.toggleAttribute("open", open));
});
addEventListener("hashchange", openHash);

try {
    spec = await get("/doc/json");
    show();
    openHash();
} catch (thrown) {
    part("calls").replaceChildren();
    tell(part("trouble"), messageOf(thrown));
}
