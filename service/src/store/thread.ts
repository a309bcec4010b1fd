/** The database's thread: takes questions, one after another, and answers each. The file is opened when it is needed. */

import { parentPort, workerData } from "node:worker_threads";
import type { Question, Reply } from "./protocol.js";
import { isBusy, QUERIES } from "./queries.js";
import { openDatabase } from "./schema.js";
import type { DatabaseSync } from "./sqlite.js";

const { file } = workerData as { file: string };
let handle: DatabaseSync | undefined;

function close(): void {
    const open = handle;
    handle = undefined;
    open?.close();
}

function answer({ kind, ask }: Question): Reply["answer"] {
    if (kind === "close") {
        close();
        return null;
    }
    handle ??= openDatabase(file);
    return (QUERIES[kind] as (db: DatabaseSync, given: object) => Exclude<Reply["answer"], undefined>)(handle, ask);
}

parentPort?.on("message", (question: Question) => {
    let reply: Reply;
    try {
        reply = { id: question.id, answer: answer(question) ?? null };
    } catch (thrown) {
        const busy = isBusy(thrown);
        reply = { id: question.id, fault: { message: thrown instanceof Error ? thrown.message : String(thrown), busy } };
        if (!busy) {
            try {
                close();
            } catch {
                // A damaged file may not even close. The handle is not used again in any case.
            }
        }
    }
    parentPort?.postMessage(reply);
});
