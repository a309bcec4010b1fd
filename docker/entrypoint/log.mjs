// What the entrypoint says: lines of one block in the container's log, and the faults that end a start.
import { writeSync } from "node:fs";

/** Ends the start: what happened, why, what to do next, and the container's exit code. */
export class StartFault extends Error {
    /**
     * @param {number} code
     * @param {string} what
     * @param {string} why
     * @param {string} next
     */
    constructor(code, what, why, next) {
        super(what);
        this.code = code;
        this.text = `error: ${what}\n  why:  ${why}\n  next: ${next}\n`;
    }
}

/**
 * A text of others (a tool, a driver, a probe) as one line, without control characters, and not too long:
 * Linux takes no variable over 128 KiB, and a process that is given one does not start.
 * @param {string} text
 * @param {number} limit characters
 */
export function oneLine(text, limit) {
    const line = text.slice(0, 2 * limit).replace(/[\s\p{Cc}]+/gu, " ").trim();
    return line.length <= limit && text.length <= 2 * limit ? line : `${line.slice(0, limit - 3)}...`;
}

/**
 * A line of the log.
 * @param {string} subject
 * @param {string} text
 */
export function say(subject, text) {
    write(1, `  ${subject.padEnd(7)} ${text}\n`);
}

/**
 * Says why the start ends.
 * @param {unknown} error
 * @returns {number} the exit code
 */
export function report(error) {
    if (error instanceof StartFault) {
        write(2, error.text);
        return error.code;
    }
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    write(2, `error: The start failed.\n  why:  ${why}\n`);
    return 1;
}

/**
 * Not by process.stdout, which would be left unflushed when the service takes the process's place.
 * @param {number} descriptor
 * @param {string} text
 */
function write(descriptor, text) {
    let rest = Buffer.from(text);
    while (rest.length > 0) {
        try {
            rest = rest.subarray(writeSync(descriptor, rest));
        } catch (error) {
            if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) {
                return; // nobody reads the log: no reason not to start
            }
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // a pipe that is full
        }
    }
}
