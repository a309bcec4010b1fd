/**
 * Fetches one file: continued where it was cut, tried again while there is hope, checked, and renamed only when it is
 * complete. Ours, as the libraries for it (node-llama-cpp's downloader, @huggingface/hub) check no sum, take no lock,
 * and let no caller look at a redirect before it is followed.
 */

import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { messageOf, ServiceError } from "../errors.js";
import type { Asker } from "./ask.js";
import { type Have, judge, rangeHeaders } from "./judge.js";
import { identityOf, type Partial } from "./partial.js";
import { type OnBytes, receive, requireSpace, type Sum } from "./receive.js";
import { verify } from "./verify.js";
import { badGateway, type Wanted } from "./wanted.js";

/** When to try again, milliseconds: `pause` doubles with each try in a row that brought nothing. */
export interface Tries {
    readonly most: number;
    readonly pause: number;
    readonly longestPause: number;
    /** A server that wishes a longer pause is not waited for. */
    readonly longestWish: number;
}

export const TRIES: Tries = { most: 6, pause: 500, longestPause: 30_000, longestWish: 600_000 };

interface Work {
    readonly asker: Asker;
    readonly wanted: Wanted;
    readonly partial: Partial;
    readonly signal: AbortSignal;
    readonly onBytes: OnBytes;
    /** Of what the part holds. */
    sum: Sum;
}

/** @throws ServiceError (what came is kept, unless it is wrong), `signal.reason` */
export async function transfer(given: Omit<Work, "sum">, tries: Tries = TRIES): Promise<void> {
    const { wanted, partial, signal } = given;
    const of = identityOf(wanted);
    const work: Work = { ...given, sum: { hash: createHash("sha256"), bytes: 0 } };
    let idle = 0;
    let best = 0;
    for (;;) {
        const note = await partial.note();
        if (note?.of !== of) {
            await partial.drop();
        }
        const have: Have = { bytes: await partial.size(), note: note?.of === of ? note : undefined, of };
        if (work.sum.bytes !== have.bytes) {
            work.sum = { hash: await partial.sum(signal), bytes: have.bytes };
        }
        const outcome = await attempt(work, have);
        if (outcome === "complete") {
            break;
        }
        const kept = await partial.size();
        idle = kept > best ? 0 : idle + 1;
        best = Math.max(best, kept);
        const wish = (outcome.seconds ?? 0) * 1000;
        if (idle >= tries.most || wish > tries.longestWish) {
            throw badGateway(`${wanted.name} could not be fetched from ${wanted.url.host}: ${outcome.why}.${kept > 0 ? ` ${kept} bytes are kept, and the next try continues with them.` : ""}`);
        }
        await pause(Math.max(wish, idle === 0 ? 0 : Math.min(tries.longestPause, tries.pause * 2 ** (idle - 1))), signal);
    }
    await verify(wanted, partial, work.sum.hash);
    await partial.finish();
}

/** @param seconds that the server wishes to be left alone */
type Outcome = "complete" | { readonly why: string; readonly seconds?: number | undefined };

/** One request and what comes of it. @throws ServiceError, `signal.reason` */
async function attempt(work: Work, have: Have): Promise<Outcome> {
    const { wanted, signal } = work;
    if (have.bytes > 0 && have.bytes === wanted.size) {
        // Only the end of the work was cut off.
        return "complete";
    }
    try {
        return await exchange(work, have);
    } catch (thrown) {
        signal.throwIfAborted();
        if (thrown instanceof ServiceError) {
            throw thrown;
        }
        return { why: messageOf(thrown) };
    }
}

/** @throws as `attempt`, and where the connection fails or is cut */
async function exchange(work: Work, have: Have): Promise<Outcome> {
    const { asker, wanted, partial, signal } = work;
    const answer = await asker.get({ url: wanted.url, headers: rangeHeaders(have, wanted), token: wanted.token, signal });
    try {
        const verdict = judge({ status: answer.statusCode ?? 0, headers: answer.headers }, have, wanted, Date.now());
        switch (verdict.kind) {
            case "complete":
                return "complete";
            case "refused":
                throw verdict.error;
            case "restart":
                await partial.drop();
                return { why: verdict.why };
            case "later":
                return { why: verdict.why, seconds: verdict.seconds };
            case "receive": {
                const { from, note } = verdict;
                await requireSpace(partial, (note.total ?? from) - from);
                if (from === 0) {
                    await partial.begin(note);
                    work.sum = { hash: createHash("sha256"), bytes: 0 };
                }
                await receive({ ...work, answer, total: note.total });
                return "complete";
            }
        }
    } finally {
        answer.destroy();
    }
}

/** @throws `signal.reason` */
async function pause(msec: number, signal: AbortSignal): Promise<void> {
    await setTimeout(msec, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
}
