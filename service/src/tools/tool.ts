/** A tool of the service: what the model is told of it, and the code that it stands for. */

import type { ToolDefinition } from "../engine/engine.js";

export interface Tool {
    /** The file's name without `.tool.txt`; what requests and the model call it. */
    readonly name: string;
    readonly definition: ToolDefinition;
    /** The body of an async function; sees `args`, `LIB` and `{{name}}`. */
    readonly code: string;
}
