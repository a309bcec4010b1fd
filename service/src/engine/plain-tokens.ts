/**
 * Tokens of a prompt in which a client's text never becomes a control token: a message that holds "<|im_end|>" would
 * end its own turn else, and go on as another role. Such a text is broken by a mark before the template sees it, and
 * becomes tokens without the mark, as the plain text that it is.
 */

import type { LlamaModel, Token } from "node-llama-cpp";

/** Characters that Unicode gives no meaning, for ever. */
const MARKS = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0xfdd0 + index));

/** A text has few kinds of them; each round finds one at least. */
const MOST_ROUNDS = 64;

export interface Shield {
    /** The text for the template. */
    readonly hide: (text: string) => string;
    /** Of what the template made of the texts. */
    readonly tokens: (prompt: string) => Token[];
}

function escaped(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** @param texts that will be hidden: the mark is a character that none of them has */
export function shieldFor(model: LlamaModel, texts: readonly string[]): Shield {
    const mark = MARKS.find((one) => !texts.some((text) => text.includes(one))) ?? "";
    const broken = new Map<string, string>();
    const controlTexts = (text: string): string[] =>
        [...new Set(model.tokenize(text, true).filter((token) => model.isSpecialToken(token)))].map((token) => model.detokenize([token], true)).filter((one) => one.length > 1 && text.includes(one));
    const hide = (text: string): string => {
        let hidden = text;
        for (let round = 0; round < MOST_ROUNDS; round += 1) {
            const found = controlTexts(hidden);
            if (found.length === 0) {
                break;
            }
            for (const one of found) {
                const apart = `${one.slice(0, 1)}${mark}${one.slice(1)}`;
                broken.set(apart, one);
                hidden = hidden.replaceAll(one, apart);
            }
        }
        return hidden;
    };
    const tokens = (prompt: string): Token[] => {
        if (broken.size === 0) {
            return model.tokenize(prompt, true);
        }
        const pieces = prompt.split(new RegExp(`(${[...broken.keys()].sort((one, other) => other.length - one.length).map(escaped).join("|")})`));
        return pieces.flatMap((piece, index) => model.tokenize(piece.replaceAll(mark, ""), index % 2 === 0, ...(index === 0 ? [] : (["trimLeadingSpace"] as const))));
    };
    return { hide, tokens };
}
