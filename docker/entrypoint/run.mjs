// Runs a program that may hang, as vendors' tools and libraries do on a lost GPU: in a process group of
// its own, with a time limit, after which it is ended and, where even that fails, left behind.
import { spawn } from "node:child_process";
import { constants } from "node:os";

import { groups, killGroup } from "./groups.mjs";

/**
 * @typedef {object} Options
 * @property {number} limitMs until it is asked to end (SIGTERM)
 * @property {number} [graceMs] after that, until it is killed
 * @property {number} [giveUpMs] after that, until it is left behind: in D state nothing ends a process
 * @property {number} [log] a file descriptor for all that it prints; without it that is returned
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(group: number, signal: NodeJS.Signals) => void} [kill] for tests
 *
 * @typedef {object} Ended
 * @property {number} code the exit code; 128 and the signal's number for a signal; 126 or 127 where
 *   it could not be started
 * @property {string} output what it printed: stdout, then stderr; of each the first 64 KiB
 * @property {"" | "ended" | "killed" | "abandoned"} late what had to be done about it after the limit
 */

const LONGEST_OUTPUT = 64 * 1024; // bytes of stdout and of stderr: the rest is read, and forgotten
const PIPE_MS = 100; // for what is still in the pipe of a program that has ended

/**
 * @param {string[]} argv
 * @param {Options} options
 * @returns {Promise<Ended>} never rejected, and never later than the three limits together
 */
export function run(argv, { limitMs, graceMs = 1000, giveUpMs = 1000, log, cwd, env, kill = killGroup }) {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env }),
        stdio: ["ignore", log ?? "pipe", log ?? "pipe"],
        detached: true, // a group of its own, with all that it starts
    });
    const group = child.pid;
    if (group !== undefined) {
        groups.add(group);
    }
    const printed = [child.stdout, child.stderr].map((stream) => {
        /** @type {Buffer[]} */
        const chunks = [];
        let room = LONGEST_OUTPUT;
        stream?.on("data", (/** @type {Buffer} */ chunk) => {
            if (room > 0) {
                chunks.push(chunk.subarray(0, room));
                room -= chunk.length;
            }
        });
        stream?.on("error", () => undefined);
        return chunks;
    });
    return new Promise((resolve) => {
        /** @type {Ended["late"]} */
        let late = "";
        /** @type {NodeJS.Timeout | undefined} */
        let timer;
        let finished = false;
        const finish = (/** @type {number} */ code) => {
            clearTimeout(timer);
            if (finished) {
                return;
            }
            finished = true;
            if (group !== undefined) {
                kill(group, "SIGKILL"); // what it has started, and left running
                groups.delete(group);
            }
            child.stdout?.destroy();
            child.stderr?.destroy();
            child.unref();
            resolve({ code, output: printed.map((chunks) => Buffer.concat(chunks).toString()).join(""), late });
        };
        const steps = /** @type {const} */ ([
            [limitMs, "ended", "SIGTERM"],
            [graceMs, "killed", "SIGKILL"],
        ]);
        const wait = (/** @type {number} */ index) => {
            const step = steps[index];
            timer = setTimeout(() => {
                if (step === undefined || group === undefined) {
                    late = "abandoned";
                    finish(128 + constants.signals.SIGKILL);
                    return;
                }
                late = step[1];
                kill(group, step[2]);
                wait(index + 1);
            }, step?.[0] ?? giveUpMs);
        };
        wait(0);
        child.on("error", (error) => {
            finish("code" in error && error.code === "ENOENT" ? 127 : 126);
        });
        child.on("exit", (code, signal) => {
            clearTimeout(timer);
            const status = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
            // Not until the pipes are closed: a process that it started may keep them open.
            timer = setTimeout(finish, PIPE_MS, status);
            child.on("close", () => finish(status));
        });
    });
}
