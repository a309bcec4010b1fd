/** Models in several files: llama.cpp finds the others by the first one's name. Values in, values out. */

import type { Part } from "./kind.js";

/** As `llama_split_path` of llama.cpp writes them, in this case of letters. */
const NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

function numbered(begin: string, { number, of }: Part): string {
    return `${begin}-${String(number).padStart(5, "0")}-of-${String(of).padStart(5, "0")}.gguf`;
}

/** Path or name of every part, in order; empty where `file` is not named as this part must be. */
export function partsOf(file: string, part: Part): string[] {
    const begin = NAME.exec(file)?.[1];
    if (begin === undefined || part.of > 99_999 || numbered(begin, part) !== file) {
        return [];
    }
    return Array.from({ length: part.of }, (_none, index) => numbered(begin, { number: index + 1, of: part.of }));
}
