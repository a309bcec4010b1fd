/** Logs of a span of time as files: [{filename, content}], written as they are read, so that no size is too large. */

import { Readable } from "node:stream";
import { formatLine } from "../log.js";
import type { LogTable } from "../store/logs.js";
import type { PromptTable } from "../store/prompts.js";
import { hourName, localTime } from "./hours.js";

/** Characters of one file: an hour that has more goes on in the next. */
const MOST_CHARACTERS = 1_048_576;

export interface LogFile {
    readonly filename: string;
    readonly content: string;
}

/** One text an hour, like a log file. */
export async function* coreFiles(table: LogTable, from: number, to: number): AsyncGenerator<LogFile[]> {
    let hour = "";
    let part = 1;
    let content = "";
    const file = (): LogFile => ({ filename: `${hour}${part > 1 ? `-${String(part).padStart(3, "0")}` : ""}.log`, content });
    for await (const rows of table.between(from, to)) {
        const done: LogFile[] = [];
        for (const row of rows) {
            const name = hourName(row.ts);
            if (content !== "" && (name !== hour || content.length > MOST_CHARACTERS)) {
                done.push(file());
                content = "";
                part = name === hour ? part + 1 : 1;
            }
            hour = name;
            content += formatLine(row, localTime) + "\n";
        }
        yield done;
    }
    yield content === "" ? [] : [file()];
}

/** One text a prompt. */
export async function* promptFiles(table: PromptTable, from: number, to: number): AsyncGenerator<LogFile[]> {
    for await (const rows of table.between(from, to)) {
        yield rows.map((row) => ({
            filename: `${hourName(Number(row["ts"]))}-${String(row["id"])}.json`,
            content: JSON.stringify(row, null, 2),
        }));
    }
}

async function* jsonOf(first: readonly LogFile[], rest: AsyncGenerator<LogFile[]>): AsyncGenerator<string> {
    let text = "[";
    let isEmpty = true;
    const add = (files: readonly LogFile[]): string => {
        for (const file of files) {
            text += (isEmpty ? "" : ",") + JSON.stringify(file);
            isEmpty = false;
        }
        const piece = text;
        text = "";
        return piece;
    };
    yield add(first);
    for await (const files of rest) {
        const piece = add(files);
        if (piece !== "") {
            yield piece;
        }
    }
    yield "]";
}

/** The first page is read before anything is sent: a fault of the database still gets its status. */
export async function streamOf(files: AsyncGenerator<LogFile[]>): Promise<Readable> {
    const first = await files.next();
    return Readable.from(jsonOf(first.done === true ? [] : first.value, files), { objectMode: false, highWaterMark: 65_536 });
}
