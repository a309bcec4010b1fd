/**
 * One process at a time, also where containers share a volume. SQLite's exclusive lock is one of the kernel's: it ends
 * with its process, however that ends, so there is none that was left behind; and Node brings it.
 */

import { messageOf, ServiceError } from "../errors.js";
import { DatabaseSync } from "../store/sqlite.js";

const AGAIN_MSEC = 500;

const BUSY = 5;

/** @throws ServiceError 507 */
function openLock(file: string): DatabaseSync {
    try {
        return new DatabaseSync(file);
    } catch (thrown) {
        throw new ServiceError(507, `${file} cannot be written: ${messageOf(thrown)}.`);
    }
}

/** Undefined while another one holds it. @throws ServiceError 507, what SQLite gives else */
function tryLock(file: string): DatabaseSync | undefined {
    const lock = openLock(file);
    try {
        lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
        return lock;
    } catch (thrown) {
        lock.close();
        if ((thrown as { errcode?: number }).errcode === BUSY) {
            return undefined;
        }
        throw thrown;
    }
}

/**
 * @param onWait called each time that another one still has it
 * @throws `signal.reason`, ServiceError 507 where the file cannot be made
 */
export async function withLock<T>(file: string, signal: AbortSignal, onWait: () => void, work: () => Promise<T>): Promise<T> {
    let lock: DatabaseSync | undefined;
    while ((lock = tryLock(file)) === undefined) {
        onWait();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MSEC));
        signal.throwIfAborted();
    }
    try {
        return await work();
    } finally {
        lock.close();
    }
}
