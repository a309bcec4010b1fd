/** A configuration file's text in, a configuration or its faults out. Touches no file. */

import path from "node:path";
import { findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { LogFormat, LogLevel } from "../log.js";
import { faultOfKeys, namedKeys } from "./api-keys.js";
import type { Configuration, Paths } from "./configuration.js";
import { type Key, KEYS, SECTIONS } from "./keys.js";
import { OPTION_TABLE } from "./option-table.js";
import { defaultsFor, type PromptOptions, readOptions } from "./options.js";

/** One fault or warning, with its place in the file. */
interface Remark {
    /** Dotted path; empty for the file as a whole. */
    readonly key: string;
    /** Counted from 1. */
    readonly line: number;
    readonly message: string;
}

interface Parsed {
    /** Absent when there are faults. */
    readonly configuration?: Configuration;
    readonly faults: readonly Remark[];
    readonly warnings: readonly Remark[];
}

/** What container mode sets itself. */
export interface Fixed extends Paths {
    readonly port: number;
}

/** `FILE:LINE: key: message` */
export function remarkLine(file: string, remark: Remark): string {
    return `${file}:${remark.line}: ${remark.key === "" ? "" : `${remark.key}: `}${remark.message}`;
}

function lineAt(text: string, offset: number): number {
    return text.slice(0, offset).split("\n").length;
}

/** Why the value cannot be used; undefined when it can. */
function faultOf(key: Key, value: unknown): string | undefined {
    const shown = key.secret === true ? "what is there" : JSON.stringify(value);
    switch (key.type) {
        case "boolean":
            return typeof value === "boolean" ? undefined : `must be true or false, not ${shown}`;
        case "choice":
            return key.choices?.includes(value as string) === true
                ? undefined
                : `must be one of ${key.choices?.join(", ") ?? ""}, not ${shown}`;
        case "path":
            if (typeof value !== "string" || value === "") {
                return `must be a path, not ${shown}`;
            }
            return key.absolute === true && !path.isAbsolute(value) ? `must be an absolute path, not ${shown}` : undefined;
        case "text":
            // Texts of this kind go into headers, which hold no other characters.
            return typeof value === "string" && /^[\x21-\x7e]*$/.test(value) ? undefined : `must be a text without spaces and control characters, not ${shown}`;
        case "name":
            return typeof value === "string" && value !== "" ? undefined : `must be a text, not ${shown}`;
        case "keys":
            return faultOfKeys(value);
        case "texts":
            return faultOfTexts(key, value, shown);
        case "integer":
        case "number": {
            const kind = key.type === "integer" ? "an integer" : "a number";
            const typed = key.type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
            const number = value as number;
            if (typed && number === 0 && key.zero === true) {
                return undefined;
            }
            if (typed && number >= (key.min ?? -Infinity) && number <= (key.max ?? Infinity)) {
                return undefined;
            }
            const limits = key.max === undefined ? `>= ${key.min ?? 0}` : `${key.min ?? 0}..${key.max}`;
            return `must be ${kind}, ${limits}${key.zero === true ? ", or 0" : ""}, not ${shown}`;
        }
    }
}

function faultOfTexts(key: Key, value: unknown, shown: string): string | undefined {
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
        return `must be a list of texts, not ${shown}`;
    }
    if (key.absolute === true && !value.every((item) => path.isAbsolute(item))) {
        return `must hold absolute paths, not ${shown}`;
    }
    return value.map((text) => key.each?.(text)).find((fault) => fault !== undefined);
}

function valueOf(node: Node): unknown {
    if (node.type === "object") {
        return {};
    }
    return getNodeValue(node);
}

function propertiesOf(node: Node | undefined): [string, Node][] {
    return (node?.children ?? []).map((property) => [String(property.children?.[0]?.value), property]);
}

/** Unknown keys, and keys that are given more than once (the last one counts). */
function warningsIn(root: Node, at: (node: Node) => number): Remark[] {
    const warnings: Remark[] = [];
    const known = new Set([...KEYS.map((key) => key.path), ...Object.keys(SECTIONS), ...OPTION_TABLE.map(({ name }) => `defaultOptions.${name}`)]);
    const look = (node: Node | undefined, prefix: string): void => {
        const seen = new Set<string>();
        for (const [name, property] of propertiesOf(node)) {
            const key = prefix + name;
            if (!known.has(key)) {
                warnings.push({ key, line: at(property), message: "unknown key, kept and not used" });
            } else if (seen.has(name)) {
                warnings.push({ key, line: at(property), message: "is given more than once, the last one counts" });
            }
            seen.add(name);
        }
    };
    look(root, "");
    for (const section of Object.keys(SECTIONS)) {
        const node = lastValue(root, section);
        if (node?.type === "object") {
            look(node, `${section}.`);
        }
    }
    return warnings;
}

/** A property's value; where the key is given twice, the last one. */
function lastValue(node: Node | undefined, name: string): Node | undefined {
    const found = propertiesOf(node).filter(([key]) => key === name).at(-1)?.[1];
    return found?.children?.[1] ?? (node === undefined ? undefined : findNodeAtLocation(node, [name]));
}

/** As in a request: what cannot be used is left to its default, and told. */
function optionsIn(section: Node | undefined, at: (node: Node) => number, warnings: Remark[]): PromptOptions {
    const given: unknown = section?.type === "object" ? getNodeValue(section) : {};
    const { options, replaced, unused } = readOptions(given as object);
    const defaults = defaultsFor("json");
    const line = (name: string): number => {
        const node = lastValue(section, name) ?? section;
        return node === undefined ? 1 : at(node);
    };
    for (const [name, why] of replaced) {
        warnings.push({ key: `defaultOptions.${name}`, line: line(name), message: `${why}; the default ${JSON.stringify(defaults[name as keyof PromptOptions] ?? null)} is used` });
    }
    for (const name of unused) {
        warnings.push({ key: `defaultOptions.${name}`, line: line(name), message: "is not applied: the engine has nothing like it" });
    }
    return { ...defaults, ...options };
}

/**
 * @param fixed what container mode sets; the file's own values for these keys are not looked at
 */
export function parseConfiguration(text: string, fixed?: Fixed): Parsed {
    const syntax: ParseError[] = [];
    const root = parseTree(text.replace(/^\uFEFF/, " "), syntax, { allowTrailingComma: true });
    if (syntax.length > 0 || root?.type !== "object") {
        const faults = syntax.map((error) => ({
            key: "",
            line: lineAt(text, error.offset),
            message: `not valid JSON with comments: ${printParseErrorCode(error.error)}`,
        }));
        // Every unclosed object gives the same fault at the same place: one is enough.
        const seen = new Set<string>();
        const distinct = faults.filter(({ line, message }) => !seen.has(`${line} ${message}`) && seen.add(`${line} ${message}`));
        return { faults: distinct.length > 0 ? distinct : [{ key: "", line: 1, message: "must hold one JSON object" }], warnings: [] };
    }

    const at = (node: Node): number => lineAt(text, node.offset);
    const faults: Remark[] = [];
    for (const section of Object.keys(SECTIONS)) {
        const node = lastValue(root, section);
        if (node !== undefined && node.type !== "object") {
            faults.push({ key: section, line: at(node), message: `must be an object, not ${JSON.stringify(valueOf(node))}` });
        }
    }
    const values = new Map<string, unknown>();
    for (const key of KEYS) {
        if ((fixed !== undefined && key.fixedInContainer === true) || key.path.startsWith("defaultOptions.")) {
            continue;
        }
        const [first, second] = key.path.split(".");
        const holder = lastValue(root, first ?? "");
        const node = second === undefined ? holder : holder?.type === "object" ? lastValue(holder, second) : undefined;
        if (node === undefined || (key.optional === true && node.type === "null")) {
            if (key.fallback === undefined && key.optional !== true) {
                faults.push({ key: key.path, line: at(root), message: "is missing and has no default" });
            }
            values.set(key.path, key.fallback);
            continue;
        }
        const value = valueOf(node);
        const fault = faultOf(key, value);
        if (fault !== undefined) {
            faults.push({ key: key.path, line: at(node), message: fault });
        }
        values.set(key.path, value);
    }
    const warnings = warningsIn(root, at);
    const defaultOptions = optionsIn(lastValue(root, "defaultOptions"), at, warnings);
    if (faults.length > 0) {
        return { faults, warnings };
    }
    return { configuration: assemble(values, fixed, defaultOptions), faults, warnings };
}

/** Every value has been checked against its row of KEYS by now. */
function assemble(values: ReadonlyMap<string, unknown>, fixed: Fixed | undefined, defaultOptions: PromptOptions): Configuration {
    const number = (key: string): number => values.get(key) as number;
    const text = (key: string): string | undefined => values.get(key) as string | undefined;
    const toolDir = text("toolDir");
    const toolEnvDir = text("toolEnvDir");
    const own: Fixed = fixed ?? {
        port: number("port"),
        modelDir: text("modelDir") ?? "",
        dbFile: text("dbFile") ?? "",
        ...(toolDir === undefined ? {} : { toolDir }),
        ...(toolEnvDir === undefined ? {} : { toolEnvDir }),
    };
    return {
        ...own,
        apiKey: values.get("apiKey") as string,
        apiKeys: namedKeys(values.get("apiKeys")),
        allowedHosts: values.get("allowedHosts") as string[],
        corsOrigins: values.get("corsOrigins") as string[],
        models: values.get("models") as string[],
        pull: { hosts: values.get("pull.hosts") as string[], withoutKey: values.get("pull.withoutKey") as boolean },
        defaultOptions,
        engine: {
            slots: number("engine.slots"),
            contextSize: number("engine.contextSize"),
            batchSize: number("engine.batchSize"),
            queueSize: number("engine.queueSize"),
        },
        preload: text("engine.preload") ?? "",
        limits: { answerSeconds: number("engine.timeLimit"), queueSeconds: number("engine.queueTimeLimit") },
        responses: { liveHours: number("responses.liveHours") },
        tools: { folders: values.get("tools.folders") as string[], http: values.get("tools.http") as boolean },
        log: {
            level: text("log.level") as LogLevel,
            format: text("log.format") as LogFormat,
            liveDay: number("log.liveDay"),
            promptLiveDay: number("log.promptLiveDay"),
            savePrompt: values.get("log.savePrompt") as boolean,
        },
    };
}
