/** On every page: the switch for the colours. */

import { byId } from "./dom.js";

const KEY = "mentator.theme";
const root = document.documentElement;
const button = byId("theme", HTMLButtonElement);
const systemDark = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => (root.dataset["theme"] ?? (systemDark.matches ? "dark" : "light")) === "dark";

function show() {
    const other = isDark() ? "Light" : "Dark";
    button.textContent = `◐ ${other}`;
    button.setAttribute("aria-label", `Switch to ${other.toLowerCase()} colours`);
}

button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    root.dataset["theme"] = theme;
    try {
        // The system's own choice is not kept: it may change with the time of day.
        if (theme === (systemDark.matches ? "dark" : "light")) {
            localStorage.removeItem(KEY);
        } else {
            localStorage.setItem(KEY, theme);
        }
    } catch {
        // Storage is switched off: this page keeps the choice, the next one does not.
    }
    show();
});
systemDark.addEventListener("change", show);
show();

// On a narrow screen the links scroll, and the link of this page may not be visible.
const links = document.querySelector(".bar nav");
const current = links?.querySelector("[aria-current]");
if (links && current instanceof HTMLElement) {
    links.scrollLeft = current.offsetLeft - (links.clientWidth - current.offsetWidth) / 2;
}
