/** The database of a configuration, with its tables. */

import type { Configuration } from "../config/configuration.js";
import type { Log } from "../log.js";
import { Database } from "./database.js";
import { LogTable } from "./logs.js";
import { PromptTable } from "./prompts.js";
import { ResponseTable } from "./responses.js";

interface Tables {
    readonly database: Database;
    readonly logTable: LogTable;
    readonly promptTable: PromptTable;
    readonly responseTable: ResponseTable;
}

/** From now on the log is also kept there. */
export function openTables({ dbFile, log: { savePrompt }, responses }: Pick<Configuration, "dbFile" | "log" | "responses">, log: Log): Tables {
    const database = new Database(dbFile, log);
    const logTable = new LogTable(database);
    log.attach((row) => logTable.add(row));
    return { database, logTable, promptTable: new PromptTable(database, savePrompt), responseTable: new ResponseTable(database, responses.liveHours) };
}
