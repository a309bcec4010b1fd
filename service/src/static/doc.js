/** The API page: the OpenAPI document, readable, calls by subject. */

import { get } from "./api.js";
import { CallViews, prose } from "./call-views.js";
import { byId, h, part, tell, write } from "./dom.js";
import { messageOf } from "./format.js";
import { References } from "./openapi.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Of groups whose names are not words. */
const TITLES = /** @type {Record<string, string | undefined>} */ ({ openai: "OpenAI" });

/** @param {any} spec */
function show(spec) {
    const views = new CallViews(new References(spec));
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
                  ...own.map(({ path, method, operation }) => views.call(path, method, operation)),
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
    show(await get("/doc/json"));
    openHash();
} catch (thrown) {
    part("calls").replaceChildren();
    tell(part("trouble"), messageOf(thrown));
}
