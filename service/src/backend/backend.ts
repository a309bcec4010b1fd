/** Which backend the container's entrypoint chose, as read from the environment and the table of backends. */

import { readFileSync } from "node:fs";
import { messageOf, StartError } from "../errors.js";
import { type GpuDevice, parseDevices } from "./devices.js";
import { CPU, type Mode, parseTable, TableFaults } from "./table.js";

/** Where the image has the table. */
export const TABLE_FILE = "/opt/mentator/backends.json";

export interface Backend {
    readonly mode: Mode;
    /** One line: why this one and not the others. */
    readonly reason: string;
    /** The cards, in the backend's order; empty on CPU. */
    readonly devices: readonly GpuDevice[];
    /** Where the entrypoint remembers that this backend is good. */
    readonly proofFile?: string;
}

export interface ChosenBackend {
    readonly backend: Backend;
    /** All modes that there are, the chosen one among them. */
    readonly modes: readonly Mode[];
    /** Lines for the log, which is not open yet. */
    readonly warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable; undefined where it is missing or empty. */
function valueOf(environment: Environment, name: string): string | undefined {
    const value = environment[name];
    return value === "" ? undefined : value;
}

/** @returns nothing where there is no such file. @throws StartError with one line per fault */
function readTable(file: string): Mode[] | undefined {
    let text: string;
    try {
        text = readFileSync(file, "utf8");
    } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw new StartError(2, [`The table of backends cannot be read: ${messageOf(thrown)}`]);
    }
    try {
        return parseTable(text);
    } catch (thrown) {
        const faults = thrown instanceof TableFaults ? thrown.faults : [messageOf(thrown)];
        throw new StartError(2, faults.map((fault) => `${file}: ${fault}`));
    }
}

/**
 * A choice that the table does not have is a fault. Without a table there is nothing to compare it with:
 * the service was started outside of the image, and then computes on the CPU.
 * @throws StartError for a faulty table or a choice that it does not have
 */
export function backendFromEnvironment(environment: Environment): ChosenBackend {
    const file = valueOf(environment, "MENTATOR_BACKEND_TABLE") ?? TABLE_FILE;
    const table = readTable(file);
    const modes = table?.some(({ name }) => name === CPU.name) === true ? table : [...(table ?? []), CPU];
    const choice = valueOf(environment, "MENTATOR_BACKEND_CHOICE");
    const mode = modes.find(({ name }) => name === (choice ?? CPU.name));
    if (mode === undefined && table !== undefined) {
        const names = modes.map(({ name }) => name).join(", ");
        throw new StartError(2, [`MENTATOR_BACKEND_CHOICE: must be one of ${names}, not "${choice ?? ""}"`]);
    }
    if (mode === undefined) {
        const why = `MENTATOR_BACKEND_CHOICE is "${choice ?? ""}", but there is no table of backends (${file}): the service runs on the CPU`;
        return { backend: { mode: CPU, reason: "there is no table of backends, so CPU", devices: [] }, modes, warnings: [why] };
    }
    const reason = (environment["MENTATOR_BACKEND_REASON"] ?? "").replace(/\s+/g, " ").trim();
    const fallback = choice === undefined ? "no backend was chosen, so CPU" : "chosen by MENTATOR_BACKEND_CHOICE";
    const proofFile = valueOf(environment, "MENTATOR_BACKEND_PROOF");
    return {
        backend: {
            mode,
            reason: reason === "" ? fallback : reason,
            devices: parseDevices(environment["MENTATOR_BACKEND_DEVICES"] ?? ""),
            ...(proofFile === undefined ? {} : { proofFile }),
        },
        modes,
        warnings: [],
    };
}
