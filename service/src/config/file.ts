/** Reads and writes configuration files. */

import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { messageOf, StartError } from "../errors.js";
import type { Configuration } from "./configuration.js";
import { fixedInContainer } from "./container.js";
import { type Fixed, parseConfiguration, remarkLine } from "./parse.js";
import { configurationTemplate } from "./template.js";

const FILE_NAME = "mentator-llm-service.conf.jsonc";

export interface Read {
    readonly configuration: Configuration;
    /** Lines for the log, which does not exist before the configuration does. */
    readonly notes: readonly string[];
    readonly warnings: readonly string[];
}

/**
 * Writes the whole file or nothing, and never over an existing file. By rename and not by a hard link, which
 * some bind mounts refuse.
 */
function writeNew(file: string, text: string): void {
    if (existsSync(file)) {
        throw new Error("exists already and is left as it is");
    }
    const partial = `${file}.${process.pid}.part`;
    try {
        writeFileSync(partial, text);
        renameSync(partial, file);
    } catch (thrown) {
        rmSync(partial, { force: true });
        throw thrown;
    }
}

function isMissing(thrown: unknown): boolean {
    return (thrown as NodeJS.ErrnoException).code === "ENOENT";
}

/** Bytes of a configuration, at most. */
const LONGEST = 4 * 1024 ** 2;

/** Only a regular file: a FIFO or a device may never end. @throws Error */
function readText(file: string): string {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
        const facts = fstatSync(descriptor);
        if (!facts.isFile()) {
            throw new Error("is no regular file");
        }
        if (facts.size > LONGEST) {
            throw new Error(`has ${facts.size} bytes, a configuration has ${LONGEST} at most`);
        }
        return readFileSync(descriptor, "utf8");
    } finally {
        closeSync(descriptor);
    }
}

function load(file: string, text: string, fixed: Fixed | undefined): Read {
    const { configuration, faults, warnings } = parseConfiguration(text, fixed);
    if (configuration === undefined) {
        throw new StartError(2, faults.map((fault) => remarkLine(file, fault)));
    }
    return { configuration, notes: [], warnings: warnings.map((warning) => remarkLine(file, warning)) };
}

/** `--conf-use`. @throws StartError with one line per fault */
export function readConfiguration(file: string): Read {
    let text: string;
    try {
        text = readText(file);
    } catch (thrown) {
        const why = isMissing(thrown) ? "there is no such file; --conf-gen writes a template" : messageOf(thrown);
        throw new StartError(2, [`${file}:1: ${why}`]);
    }
    return load(file, text, undefined);
}

/** `--conf-docker`: as above, but writes the file when there is none. */
export function readContainerConfiguration(file: string): Read {
    const fixed = fixedInContainer(file);
    try {
        return load(file, readText(file), fixed);
    } catch (thrown) {
        if (thrown instanceof StartError) {
            throw thrown;
        }
        if (!isMissing(thrown)) {
            throw new StartError(2, [`${file}:1: ${messageOf(thrown)}`]);
        }
    }
    const text = configurationTemplate("docker");
    const defaults = load(file, text, fixed);
    try {
        mkdirSync(path.dirname(file), { recursive: true });
        writeNew(file, text);
        return { ...defaults, notes: [`wrote ${file} with defaults`] };
    } catch (thrown) {
        // The service can answer without it.
        return { ...defaults, warnings: [`cannot write ${file}, defaults are used: ${messageOf(thrown)}`] };
    }
}

/** `--conf-gen`. @returns the file's path */
export function writeTemplate(folder: string): string {
    const file = path.join(folder, FILE_NAME);
    try {
        mkdirSync(folder, { recursive: true });
        writeNew(file, configurationTemplate("use"));
    } catch (thrown) {
        throw new StartError(2, [`${file}: ${messageOf(thrown)}`]);
    }
    return file;
}
