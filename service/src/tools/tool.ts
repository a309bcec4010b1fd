/** A tool of the service: its description for the model, and its code. */

import type { ToolDefinition } from "../engine/engine.js";

export interface Tool {
    /** The file's name without `.tool.txt`; what requests and the model call it. */
    readonly name: string;
    readonly definition: ToolDefinition;
    /** The body of an async function; sees `args`, `LIB` and `{{name}}`. */
    readonly code: string;
}
