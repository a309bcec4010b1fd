// The table of backends (backends.json): what a mode is, read once. Everything that is particular to a
// vendor stands there; the modules beside this one know none.
import { readFileSync } from "node:fs";

import { findTableFault } from "./check-table.mjs";
import { StartFault } from "./log.mjs";

/**
 * One thing that shows a mode's hardware: a vendor's tool, device nodes, or a variable with which the user
 * names a driver.
 * @typedef {object} Sign
 * @property {string[]} [tool] a program and its arguments: it shows the hardware when it answers
 * @property {string[]} [columns] what the tool's comma-separated rows hold: name, memory, driver, mig
 * @property {string[]} [noDevice] words of an answer that means "no device"
 * @property {string} [libraryHint] noted where the tool answers and the driver's library is missing
 * @property {string[]} [nodes] patterns of paths: each must have a node that the user may open
 * @property {boolean} [needsLibrary] the driver's library must be there, too
 * @property {string} [variable] it is a sign where it is set
 * @property {string} [cards] the reader that lists the cards behind the nodes (surface.mjs)
 *
 * @typedef {object} Targets what the kernels of a mode's plugins are compiled for
 * @property {string} option of the build, that names targets
 * @property {string} file beside the plugin: a target a line
 * @property {string} override the variable that makes every card report another target
 * @property {string} overrideNode the same for one card: {node} is its number in the kernel's list
 * @property {string[][]} selections variables with which a user selects cards, in the order in which they are
 *   applied; of each group the first that is set counts
 * @property {{ pattern: string, cause: string }} [unserved] targets that no build has kernels for
 * @property {{ names: Record<string, string[]> }} substitutes targets whose kernels a card runs, too
 *
 * @typedef {object} Integrated processors' own graphics, which must be faster than the processor to be taken
 * @property {string[]} [targets] theirs
 * @property {string} [line] a regular expression: in what the plugin prints of one
 * @property {number} [minimumUnits] compute units: one with fewer is not measured, and not taken
 *
 * @typedef {object} Fault words of a probe that failed, and what they mean
 * @property {string[]} match regular expressions; one of them in a line of the probe's log is enough
 * @property {string} [words] what of the line is shown: a regular expression with one group, or
 *   "keep": what an earlier line said. Without it, what follows the first ": "
 * @property {string} cause
 * @property {string} [remedy]
 * @property {boolean} [wait] it may pass: the probe is repeated for a while
 *
 * @typedef {object} Environment variables that the probe and the service get
 * @property {Record<string, string>} [set] always these
 * @property {Record<string, string>} [default] these, where the user has set none
 * @property {Record<string, string>} [folders] folders below the data folder, made when needed
 *
 * @typedef {object} Mode
 * @property {string} name
 * @property {{ name: string, pci: string }[]} [vendors] whose cards a mode without a vendor serves
 * @property {{ name: string, pci?: string, unserved?: { below: string, cause: string } }} [vendor] `unserved` are the
 *   cards that no build has kernels for: those with a lower number of the device
 * @property {string | false} getLlama the word for node-llama-cpp's `gpu`
 * @property {{ name: string }[]} candidates plugins, in the order of preference
 * @property {{ remedy?: string, visible?: string[] }} [container]
 * @property {string} [deviceLine] what the plugin prints of a card: a regular expression with three groups, its
 *   number, name and memory in MiB
 * @property {Sign[]} signs in the order in which they are looked for
 * @property {{ name: string }} [library] the driver's, as the loader knows it
 * @property {string[]} [driverFiles] files that hold the driver's version
 * @property {Environment} [environment]
 * @property {string} [select] the variable that selects cards, by number
 * @property {Targets} [targets]
 * @property {Integrated} [integrated]
 * @property {Fault[]} [faults] looked for before the table's own
 *
 * @typedef {object} Table
 * @property {Mode[]} modes in the order of preference; the last resort has no candidates
 * @property {Fault[]} faults of every mode
 */

const DAMAGED = 70; // EX_SOFTWARE

/**
 * @param {string} path
 * @returns {Table}
 */
export function readTable(path) {
    try {
        return checkTable(JSON.parse(readFileSync(path, "utf8")));
    } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new StartFault(DAMAGED, `The table of backends ${path} cannot be read.`, `${why}.`,
            "Use the image's own table, or correct this one.");
    }
}

/**
 * @param {unknown} table as it was read
 * @returns {Table}
 */
export function checkTable(table) {
    const fault = findTableFault(table);
    if (fault !== undefined) {
        throw new Error(fault);
    }
    /** @type {{ modes: (Omit<Mode, "candidates" | "signs"> & Partial<Mode>)[], faults?: Fault[] }} */
    const { modes, faults = [] } = /** @type {any} */ (table);
    const rows = modes.map((mode) => ({ ...mode, candidates: mode.candidates ?? [], signs: mode.signs ?? [] }));
    if (!rows.some(({ candidates }) => candidates.length === 0)) {
        throw new Error("It has no mode without candidates, which is the last resort");
    }
    return { modes: rows, faults };
}

/**
 * The modes that need a plugin and a proof.
 * @param {Table} table
 */
export function provableModes(table) {
    return table.modes.filter(({ candidates }) => candidates.length > 0);
}

/**
 * The mode that is taken where no other is possible: it needs neither hardware nor proof.
 * @param {Table} table
 * @returns {Mode}
 */
export function lastResort(table) {
    const mode = table.modes.find(({ candidates }) => candidates.length === 0);
    if (mode === undefined) {
        throw new Error("the table was not checked");
    }
    return mode;
}
