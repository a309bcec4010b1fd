/** What variables of the environment set over the configuration: port, API key, the times of a stop. */

import { readFileSync } from "node:fs";
import { messageOf, StartError } from "./errors.js";

/** Times of a stop, in ms. */
export interface StopTimes {
    /** After the signal requests are served for this long while /ready says 503, so that a balancer sends no more. */
    readonly noticeMsec: number;
    /**
     * Running requests may then take this long, after a notice those that wait, too. Then they are cut, and answered
     * with what they have.
     */
    readonly drainMsec: number;
}

/** `docker stop` kills after 10 s. */
export const USUAL_STOP: StopTimes = { noticeMsec: 0, drainMsec: 4000 };

/** The longest notice and drain, in seconds. */
const LONGEST_STOP = 86_400;

/** A key file of more bytes is another file. */
const LONGEST_KEY = 4096;

/** @throws StartError when the text is no port */
export function portFrom(text: string | undefined, configured: number): number {
    return wholeNumber("MENTATOR_PORT", text, 1, 65535) ?? configured;
}

/**
 * The key of MENTATOR_API_KEY, else of the file that MENTATOR_API_KEY_FILE names, else the configured one.
 * @throws StartError which does not show the key: it is a secret
 */
export function apiKeyFrom(environment: NodeJS.ProcessEnv, configured: string): string {
    const { MENTATOR_API_KEY: key = "", MENTATOR_API_KEY_FILE: file = "" } = environment;
    if (key !== "" && file !== "") {
        throw new StartError(2, ["MENTATOR_API_KEY and MENTATOR_API_KEY_FILE: set one of them, not both"]);
    }
    if (file !== "") {
        return checkedKey(`MENTATOR_API_KEY_FILE (${file})`, keyOfFile(file));
    }
    return key === "" ? configured : checkedKey("MENTATOR_API_KEY", key);
}

/** @throws StartError when a text is no number of seconds */
export function stopTimesFrom(environment: NodeJS.ProcessEnv): StopTimes {
    const msec = (name: string, usual: number): number => {
        const seconds = wholeNumber(name, environment[name], 0, LONGEST_STOP);
        return seconds === undefined ? usual : seconds * 1000;
    };
    return {
        noticeMsec: msec("MENTATOR_STOP_NOTICE", USUAL_STOP.noticeMsec),
        drainMsec: msec("MENTATOR_STOP_DRAIN", USUAL_STOP.drainMsec),
    };
}

function wholeNumber(name: string, text: string | undefined, min: number, max: number): number | undefined {
    if (text === undefined || text === "") {
        return undefined;
    }
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= min && number <= max)) {
        throw new StartError(2, [`${name}: must be ${min}..${max}, not "${text}"`]);
    }
    return number;
}

/** Secrets of Swarm and Kubernetes are files, often with a line end. An empty one must not open the service. */
function keyOfFile(file: string): string {
    let text: string;
    try {
        text = readFileSync(file, "utf8");
    } catch (thrown) {
        throw new StartError(2, [`MENTATOR_API_KEY_FILE: cannot be read: ${messageOf(thrown)}`]);
    }
    return text.replace(/\r?\n$/, "");
}

function checkedKey(name: string, key: string): string {
    if (key.length > LONGEST_KEY || !/^[\x21-\x7e]+$/.test(key)) {
        throw new StartError(2, [`${name}: must be a text of 1..${LONGEST_KEY} characters, without spaces and control characters`]);
    }
    return key;
}
