/** A day of a log: its texts by hour, or one a request, cut down to the lines that have the filter's words. */

import { get } from "./api.js";
import { h, part } from "./dom.js";

/** @typedef {{ filename: string, content: string }} File */

const files = part("files");

/**
 * @param {File} file
 * @param {{ whole: boolean, open: boolean, words: () => readonly string[] }} how whole: the text is one unit
 */
function fileView({ filename, content }, { whole, open, words }) {
    const text = h("pre", { tabindex: 0 });
    const details = h("details", { open }, h("summary", {}, filename), text);
    const lines = whole ? [content.trimEnd()] : content.trimEnd().split("\n");
    const show = () => {
        if (details.open) {
            const wanted = words();
            const fitting = lines.filter((line) => wanted.every((word) => line.toLowerCase().includes(word)));
            text.textContent = fitting.length === 0 ? "No line has these words." : fitting.join("\n");
        }
    };
    details.addEventListener("toggle", show);
    show();
    return details;
}

/**
 * @param {"core" | "chat"} source
 * @param {string} date as an input of type date gives it
 * @param {string} hour "" for the whole day
 * @param {() => readonly string[]} words of the filter
 * @returns {Promise<number>} how many texts there are
 */
export async function showFiles(source, date, hour, words) {
    const chosen = `date=${date.replaceAll("-", "")}${hour === "" ? "" : `&hour=${hour}`}`;
    /** @type {File[]} */
    const found = await get(`/log/${source}/bydate?${chosen}`);
    const how = { whole: source === "chat", open: found.length === 1, words };
    files.replaceChildren(...found.map((file) => fileView(file, how)));
    return found.length;
}

/** The filter has changed. */
export function filterFiles() {
    files.querySelectorAll("details").forEach((details) => details.dispatchEvent(new Event("toggle")));
}
