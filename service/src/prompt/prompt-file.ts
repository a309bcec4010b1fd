/**
 * Prompts as one text, as version 1.1.3 keeps them in files: blocks from `$$begin` to `$$end`, in them the sections
 * $$llm, $$options (lines `name=value`), $$system, $$user, $$jsonresponse, $$segment=NAME, $$tool and $$tool=LANGUAGE=NAME.
 * A block without `$$user` is left out. Pure.
 */

import { readOptions } from "../config/options.js";

interface PromptTool {
    readonly name: string;
    readonly spec?: unknown;
    readonly lang?: string;
    readonly code?: string;
}

export interface PromptParts {
    readonly llm?: { readonly url?: string; readonly model?: string; readonly gpulayer?: number };
    readonly options?: object;
    readonly system?: string;
    readonly user: string;
    readonly jsonresponse?: string;
    readonly segment?: Readonly<Record<string, string>>;
    readonly tool?: readonly PromptTool[];
}

interface Section {
    /** All after `$$`. */
    readonly mark: string;
    readonly lines: string[];
}

const PLAIN = new Set(["system", "user", "jsonresponse", "llm", "options", "tool"]);

function isMark(line: string): boolean {
    return line.startsWith("$$") && (PLAIN.has(line.slice(2)) || /^\$\$segment=./.test(line) || /^\$\$tool=[^=]+=./.test(line));
}

function blocksOf(text: string): Section[][] {
    const blocks: Section[][] = [];
    let block: Section[] | undefined;
    for (const line of text.split("\n")) {
        const trimmed = line.trim();
        if (trimmed === "$$begin") {
            block = [];
            blocks.push(block);
        } else if (trimmed === "$$end") {
            block = undefined;
        } else if (isMark(trimmed)) {
            block?.push({ mark: trimmed.slice(2), lines: [] });
        } else {
            block?.at(-1)?.lines.push(line);
        }
    }
    return blocks;
}

/** `name=value`: JSON, a number (also with a comma), y and n, or a text, in quotes or not. */
function valueOf(text: string): unknown {
    if (/^[[{]/.test(text)) {
        try {
            return JSON.parse(text);
        } catch {
            return text;
        }
    }
    const bare = /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
    const number = Number(bare.replace(",", "."));
    if (bare.trim() !== "" && !Number.isNaN(number)) {
        return number;
    }
    const word = bare.toLowerCase();
    return word === "true" || word === "y" ? true : word === "false" || word === "n" ? false : bare;
}

function assignments(content: string): Record<string, unknown> {
    // Without a pattern: its time would grow with the square of a line's spaces.
    const pairs = content.split("\n").map((line): [string, string] => {
        const at = Math.max(0, line.indexOf("="));
        return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
    return Object.fromEntries(pairs.filter(([name, value]) => name !== "" && value !== "").map(([name, value]) => [name, valueOf(value)]));
}

function toolsOf(content: string, codes: ReadonlyMap<string, { lang: string; code: string }>): PromptTool[] | undefined {
    try {
        const found: unknown = JSON.parse(content);
        return Array.isArray(found) ? (found as PromptTool[]).map((tool) => ({ ...tool, ...codes.get(tool.name) })) : undefined;
    } catch {
        return undefined;
    }
}

function textOf(value: unknown): string {
    return typeof value === "string" ? value : JSON.stringify(value);
}

function partsOf(sections: readonly Section[]): PromptParts | undefined {
    const contents = new Map(sections.map(({ mark, lines }) => [mark, lines.join("\n").trim()]));
    const named = (start: string): [string, string][] => [...contents].filter(([mark]) => mark.startsWith(start)).map(([mark, content]) => [mark.slice(start.length), content]);
    const user = contents.get("user");
    if (user === undefined || user === "") {
        return undefined;
    }
    const [llm, options, tool] = ["llm", "options", "tool"].map((mark) => contents.get(mark));
    const { url, model, gpulayer } = assignments(llm ?? "");
    const engine = {
        ...(url === undefined ? {} : { url: textOf(url) }),
        ...(model === undefined ? {} : { model: textOf(model) }),
        ...(gpulayer === undefined ? {} : { gpulayer: Number(gpulayer) }),
    };
    const codes = new Map(named("tool=").map(([mark, code]) => [mark.slice(mark.indexOf("=") + 1), { lang: mark.slice(0, mark.indexOf("=")), code }]));
    const tools = tool === undefined ? undefined : toolsOf(tool, codes);
    const segments = named("segment=");
    const system = contents.get("system");
    const jsonresponse = contents.get("jsonresponse");
    return {
        ...(Object.keys(engine).length === 0 ? {} : { llm: engine }),
        ...(options === undefined ? {} : { options: readOptions(assignments(options)).options }),
        ...(system === undefined ? {} : { system }),
        user,
        ...(jsonresponse === undefined ? {} : { jsonresponse }),
        ...(segments.length === 0 ? {} : { segment: Object.fromEntries(segments) }),
        ...(tools === undefined ? {} : { tool: tools }),
    };
}

export function promptsFromText(text: string): PromptParts[] {
    return blocksOf(text).map(partsOf).filter((parts) => parts !== undefined);
}

function linesOf(object: object): string[] {
    return Object.entries(object).map(([name, value]) => `${name}=${value === undefined || value === null ? "" : textOf(value)}`);
}

function blockOf({ llm, options, system, user, jsonresponse, segment = {}, tool = [] }: PromptParts): string[] {
    const section = (mark: string, lines: readonly string[] | undefined): string[] => (lines === undefined ? [] : [`$$${mark}`, ...lines]);
    const texts = (text: string | undefined): string[] | undefined => (text === undefined || text === "" ? undefined : [text]);
    return [
        "$$begin",
        ...section("llm", llm === undefined ? undefined : linesOf(llm)),
        ...section("options", options === undefined ? undefined : linesOf(options)),
        ...section("system", texts(system)),
        ...section("user", [user]),
        ...section("jsonresponse", texts(jsonresponse)),
        ...Object.entries(segment).flatMap(([name, content]) => section(`segment=${name}`, [content])),
        ...section("tool", tool.length === 0 ? undefined : [JSON.stringify(tool.map(({ name, spec }) => ({ name, spec })))]),
        ...tool.flatMap(({ name, lang, code }) => (lang === undefined || code === undefined ? [] : section(`tool=${lang}=${name}`, [code]))),
        "$$end",
    ];
}

export function textFromPrompts(prompts: readonly PromptParts[]): string {
    return prompts.flatMap(blockOf).join("\n");
}
