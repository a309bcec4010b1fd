/** What a tab remembers of its chat until it is closed. */

const KEY = "mentator.chat";

/**
 * @typedef {object} Kept
 * @property {import("./transcript.js").Turn[]} [turns]
 * @property {string} [model]
 * @property {string} [system]
 * @property {Record<string, string>} [options]
 * @property {{ wanted: boolean, text: string, grammar: boolean }} [schema]
 */

/** @param {Kept} kept */
export function keepChat(kept) {
    try {
        sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
        // Full, or switched off: the conversation then ends with the page.
    }
}

/** @returns {Kept} */
export function keptChat() {
    try {
        return JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    } catch {
        return {};
    }
}
