/** A model's text as blocks and pieces: the Markdown that models use most, and nothing that could become markup. Pure. */

/** @typedef {{ kind: "text" | "code" | "strong", text: string }} Piece */
/**
 * @typedef {{ kind: "paragraph" | "heading", pieces: Piece[] }
 *   | { kind: "list", ordered: boolean, items: Piece[][] }
 *   | { kind: "code", language: string, text: string }} Block
 */

const FENCE = /^\s{0,3}```\s*([\w+#.-]*)\s*$/;
const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;

/**
 * An open fence at the end counts as closed: the text may not be complete yet.
 * @param {string} text
 * @returns {Block[]}
 */
export function blocks(text) {
    /** @type {Block[]} */
    const found = [];
    /** @type {string[]} */
    let paragraph = [];
    const flush = () => {
        if (paragraph.length > 0) {
            found.push({ kind: "paragraph", pieces: pieces(paragraph.join("\n")) });
            paragraph = [];
        }
    };
    const lines = text.split(/\r?\n/);
    for (let at = 0; at < lines.length; at++) {
        const line = lines[at] ?? "";
        const fence = FENCE.exec(line);
        const item = ITEM.exec(line);
        const heading = HEADING.exec(line);
        if (fence !== null) {
            flush();
            const close = lines.findIndex((other, index) => index > at && /^\s{0,3}```\s*$/.test(other));
            const end = close === -1 ? lines.length : close;
            found.push({ kind: "code", language: fence[1] ?? "", text: lines.slice(at + 1, end).join("\n") });
            at = end;
        } else if (heading !== null) {
            flush();
            found.push({ kind: "heading", pieces: pieces(heading[1] ?? "") });
        } else if (item !== null) {
            flush();
            const ordered = item[1] !== undefined;
            const last = found.at(-1);
            if (last?.kind === "list" && last.ordered === ordered) {
                last.items.push(pieces(item[2] ?? ""));
            } else {
                found.push({ kind: "list", ordered, items: [pieces(item[2] ?? "")] });
            }
        } else if (line.trim() === "") {
            flush();
        } else {
            paragraph.push(line);
        }
    }
    flush();
    return found;
}

/**
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
    /** @type {Piece[]} */
    const found = [];
    let from = 0;
    for (const match of text.matchAll(/`([^`\n]+)`|\*\*([^*\n]+)\*\*/g)) {
        if (match.index > from) {
            found.push({ kind: "text", text: text.slice(from, match.index) });
        }
        found.push(match[1] === undefined ? { kind: "strong", text: match[2] ?? "" } : { kind: "code", text: match[1] });
        from = match.index + match[0].length;
    }
    if (from < text.length) {
        found.push({ kind: "text", text: text.slice(from) });
    }
    return found;
}
