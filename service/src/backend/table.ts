/**
 * The table of backends, as far as the service needs it: a row is a mode, a way to compute. The entrypoint
 * and the build read more of the same file; docs/add-a-backend.md explains it. Values in, values out.
 */

import type { Llama } from "node-llama-cpp";
import { messageOf } from "../errors.js";

export interface Mode {
    readonly name: string;
    /** What people call it. */
    readonly title: string;
    /** What `getLlama` is asked for and must report afterwards; false: the CPU. Two modes may share a word. */
    readonly gpu: Llama["gpu"];
    /** Device nodes and files of the driver, as patterns relative to the root of the file system. */
    readonly watch: readonly string[];
}

/** The one mode that needs no table. */
export const CPU: Mode = { name: "cpu", title: "CPU", gpu: false, watch: [] };

/** What is wrong with the table, one line a fault. */
export class TableFaults extends Error {
    public constructor(public readonly faults: readonly string[]) {
        super(faults.join("\n"));
    }
}

const NAME = /^[a-z][a-z0-9-]*$/;

/** A relative path without `..`; only its last part may hold `*` and `[0-9]`. */
const PATTERN = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?:[^/*?[\]]+\/)*(?:[^/*?[\]]|\*|\[0-9\])+$/;

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The faults of one row; `place` names it, as in `modes[1]`. */
function faultsOf(row: unknown, place: string): string[] {
    if (!isObject(row)) {
        return [`${place} must be an object`];
    }
    const { name, title, getLlama, watch } = row;
    const faults: string[] = [];
    if (typeof name !== "string" || !NAME.test(name)) {
        faults.push(`${place}.name must be a name of small letters, digits and hyphens`);
    }
    if (title !== undefined && (typeof title !== "string" || title === "")) {
        faults.push(`${place}.title must be a text`);
    }
    if (getLlama !== false && (typeof getLlama !== "string" || getLlama === "")) {
        faults.push(`${place}.getLlama must be false or a word that node-llama-cpp knows`);
    }
    if (watch !== undefined && !Array.isArray(watch)) {
        faults.push(`${place}.watch must be a list of paths`);
    }
    const paths: readonly unknown[] = Array.isArray(watch) ? watch : [];
    for (const [index, file] of paths.entries()) {
        if (typeof file !== "string" || !PATTERN.test(file)) {
            faults.push(`${place}.watch[${index}] must be a relative path, with * and [0-9] in its last part only`);
        }
    }
    return faults;
}

/** @param row has no fault */
function modeOf({ name, title, getLlama, watch = [] }: Json): Mode {
    return {
        name: name as string,
        title: (title ?? name) as string,
        gpu: getLlama as Mode["gpu"],
        watch: watch as readonly string[],
    };
}

/** @throws TableFaults */
export function parseTable(text: string): Mode[] {
    let table: unknown;
    try {
        table = JSON.parse(text);
    } catch (thrown) {
        throw new TableFaults([`is not valid JSON: ${messageOf(thrown)}`]);
    }
    const rows: unknown = isObject(table) ? table["modes"] : undefined;
    if (!Array.isArray(rows) || rows.length === 0) {
        throw new TableFaults(["must hold a list \"modes\" with one row or more"]);
    }
    const faults = rows.flatMap((row: unknown, index) => faultsOf(row, `modes[${index}]`));
    if (faults.length > 0) {
        throw new TableFaults(faults);
    }
    const modes = (rows as readonly Json[]).map(modeOf);
    const twice = modes.filter(({ name }, index) => modes.findIndex((other) => other.name === name) !== index);
    if (twice.length > 0) {
        throw new TableFaults(twice.map(({ name }) => `has more than one mode "${name}"`));
    }
    return modes;
}
