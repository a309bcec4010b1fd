/** A tool file's text in, a tool out. Touches no file. */

import { Script } from "node:vm";
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { messageOf } from "../errors.js";
import { compileSchema } from "../schema/compile.js";
import type { Tool } from "./tool.js";

/** Of a name of a function that models and OpenAI's clients accept. */
const LONGEST_NAME = 64;

/** `{{name}}` in the code. */
const SECRET = /\{\{\s*([\w.-]+)\s*\}\}/g;

const SECTION = /^\$\$(\w+)[ \t]*(?:=[ \t]*(\w+))?[ \t]*\r?$/gm;

/** Names of the secrets that a tool's code asks for. */
export function secretNames(code: string): string[] {
    return [...new Set([...code.matchAll(SECRET)].map(([, name]) => name ?? ""))];
}

/** The code as an expression: an async function of `args`, `LIB` and the secrets by name. */
export function functionSource(code: string): string {
    const body = code.replace(SECRET, (_, name: string) => `(__secrets[${JSON.stringify(name)}])`);
    return `(async function (args, LIB, __secrets) {\n${body}\n})`;
}

/** @throws Error when a section is there twice */
function sectionsOf(text: string): Map<string, string> {
    const marks = [...text.matchAll(SECTION)];
    const sections = new Map<string, string>();
    marks.forEach((mark, index) => {
        const [line, name = "", language] = mark;
        const key = language === undefined ? name : `${name}=${language}`;
        if (sections.has(key)) {
            throw new Error(`the section $$${key} is there more than once`);
        }
        sections.set(key, text.slice(mark.index + line.length, marks[index + 1]?.index).trim());
    });
    return sections;
}

function specOf(text: string): Tool["definition"] {
    const faults: ParseError[] = [];
    const spec: unknown = parse(text, faults, { allowTrailingComma: true });
    const [fault] = faults;
    if (fault !== undefined) {
        throw new Error(`$$spec is not valid JSON: ${printParseErrorCode(fault.error)}`);
    }
    if (typeof spec !== "object" || spec === null || Array.isArray(spec)) {
        throw new Error("$$spec must hold one JSON object");
    }
    const { description, ...parameters } = spec as { description?: unknown };
    if (typeof description !== "string" || description === "") {
        throw new Error("$$spec needs a description: the model chooses by it");
    }
    const { error } = compileSchema(parameters, "arguments");
    if (error !== "") {
        throw new Error(`$$spec cannot be used as a JSON Schema: ${error}`);
    }
    return { name: "", description, parameters };
}

/** Of any file's name: other characters than letters, digits, _ and - become _. */
function functionName(file: string): string {
    return file.replace(/[^\w-]/g, "_").slice(0, LONGEST_NAME);
}

/**
 * @param file its name without `.tool.txt`
 * @throws Error that says what is wrong with it
 */
export function parseTool(file: string, text: string): Tool {
    const sections = sectionsOf(text.replace(/^\uFEFF/, ""));
    const spec = sections.get("spec");
    const code = sections.get("code=JS");
    if (spec === undefined || code === undefined) {
        throw new Error(`it has no section ${spec === undefined ? "$$spec" : "$$code=JS"}`);
    }
    try {
        // Compiled by Node and run by QuickJS, which knows nearly as much; nothing runs here.
        new Script(functionSource(code), { filename: `${file}.tool.txt` });
    } catch (thrown) {
        throw new Error(`$$code=JS is not valid JavaScript: ${messageOf(thrown)}`, { cause: thrown });
    }
    const name = functionName(file);
    return { name, file, definition: { ...specOf(spec), name }, code };
}
