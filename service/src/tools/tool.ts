/** A tool of the service: its description for the model, and its code. */

import type { ToolDefinition } from "../engine/engine.js";

export interface Tool {
    /** What the model calls it: the file's name, or where models do not accept that, one made of it. */
    readonly name: string;
    /** The file's name without `.tool.txt`; requests may use either name. */
    readonly file: string;
    readonly definition: ToolDefinition;
    /** The body of an async function; sees `args`, `LIB` and `{{name}}`. */
    readonly code: string;
}
