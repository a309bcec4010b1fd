/** Pieces of a text as nodes. */

import { h } from "./dom.js";

/** @param {readonly import("./prose.js").Piece[]} list */
export function inline(list) {
    return list.map(({ kind, text }) => (kind === "text" ? text : h(kind === "code" ? "code" : "strong", {}, text)));
}
