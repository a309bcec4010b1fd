/** Makes, finds and fills elements. Text stays text: markup is never made from a string. */

/** @typedef {Record<string, string | number | boolean | undefined | EventListener>} Attributes */
/** @typedef {Node | string | undefined} Child */

/**
 * `false` and `undefined` leave an attribute out, `true` writes it without a value, `onclick` and the like listen.
 * @param {Element} element
 * @param {Attributes} attributes
 */
export function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") {
            element.addEventListener(name.replace(/^on/, ""), value);
        } else if (value === undefined || value === false) {
            element.removeAttribute(name);
        } else {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    set(element, attributes);
    element.append(...children.filter((child) => child !== undefined));
    return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    set(element, attributes);
    element.append(...children.filter((child) => child !== undefined));
    return element;
}

/**
 * An element of the page. A page without it is a bug.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
    const element = document.getElementById(id);
    if (!(element instanceof kind)) {
        throw new Error(`This page has no ${kind.name} "${id}".`);
    }
    return element;
}

/** @param {string} id */
export const part = (id) => byId(id, HTMLElement);

/**
 * Writes a text only where it differs, so that screen readers and selections are not disturbed.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

/**
 * Shows a message, or hides its place for "".
 * @param {HTMLElement} place
 * @param {string} text
 */
export function tell(place, text) {
    write(place, text);
    place.hidden = text === "";
}

/**
 * A list of terms and values.
 * @param {HTMLElement} list
 * @param {readonly (readonly [string, string])[]} facts
 */
export function fillFacts(list, facts) {
    const text = facts.flat().join("\n");
    if (list.dataset["text"] === text) {
        return;
    }
    list.dataset["text"] = text;
    list.replaceChildren(...facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/**
 * Makes a button copy what `text` returns, and say so for a while. navigator.clipboard needs https or localhost:
 * elsewhere the text is selected in a field and copied with execCommand.
 * @param {HTMLButtonElement} button
 * @param {() => string} text
 */
export function copies(button, text) {
    const label = button.textContent;
    button.addEventListener("click", () => {
        void copy(text()).then((done) => {
            write(button, done ? "Copied" : "Not allowed");
            setTimeout(() => write(button, label), 1500);
        });
    });
}

/** @param {string} text */
async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const focused = document.activeElement;
        const field = h("textarea", { class: "hidden", "aria-hidden": "true" });
        field.value = text;
        document.body.append(field);
        field.select();
        // Deprecated, but the only way on a page that was loaded by plain http from another machine.
        // eslint-disable-next-line @typescript-eslint/no-deprecated
        const done = document.execCommand("copy");
        field.remove();
        if (focused instanceof HTMLElement) {
            focused.focus();
        }
        return done;
    }
}
