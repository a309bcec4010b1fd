/** Node's own SQLite, without the warning that it is experimental. */

import type * as Sqlite from "node:sqlite";

/**
 * Node 22 and 24 print an ExperimentalWarning when the module is loaded, so only that warning, and only
 * during the load, is held back. Remove this once Node calls the module stable. `import` cannot be used:
 * it loads built-in modules before any code of ours runs.
 */
function loadSqlite(): typeof Sqlite {
    const emitWarning = Reflect.get(process, "emitWarning") as (...values: unknown[]) => void;
    process.emitWarning = (...values: unknown[]): void => {
        if (!String(values[0]).startsWith("SQLite is an experimental feature")) {
            Reflect.apply(emitWarning, process, values);
        }
    };
    try {
        return process.getBuiltinModule("node:sqlite");
    } finally {
        process.emitWarning = emitWarning;
    }
}

export const { DatabaseSync } = loadSqlite();
export type DatabaseSync = Sqlite.DatabaseSync;
