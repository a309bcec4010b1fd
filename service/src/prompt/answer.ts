/** From a model's text to the JSON value that the client asked for. */

import { badRequest, messageOf } from "../errors.js";
import type { Validator } from "../schema/compile.js";

/** How much of an answer an error message shows, characters. */
const SHOWN = 200;

/** The content of a fenced block (three backticks, with or without a language), else the text itself. */
export function unwrapFence(text: string): string {
    const begin = /^[ \t]*```[^\n`]*\n/m.exec(text);
    const from = begin === null ? text.length : begin.index + begin[0].length;
    // Not searched by the pattern: its time would grow with the square of the content's spaces.
    const end = text.indexOf("```", from);
    return (end === -1 ? text : text.slice(from, end)).trim();
}

/** An error of `readAnswer` for the log, without the text of the answer. */
export function hideAnswer(message: string): string {
    return message.replace(/^(The answer is not (?:JSON|valid against format\.jsonSchema))[\s\S]*$/, "$1.");
}

/** @throws ServiceError when the answer is not JSON or not valid */
export function readAnswer(text: string, cut: boolean, validate: Validator): unknown {
    const hint = cut ? " The answer was cut at maxTokens." : "";
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
    let value: unknown;
    try {
        value = JSON.parse(unwrapFence(text));
    } catch (thrown) {
        throw badRequest(`The answer is not JSON: ${messageOf(thrown)}.${hint} Answer: ${shown}`);
    }
    const fault = validate(value);
    if (fault !== "") {
        throw badRequest(`The answer is not valid against format.jsonSchema: ${fault}.${hint} Answer: ${shown}`);
    }
    return value;
}
