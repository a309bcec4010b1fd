/** One GET: redirects by our rules, limits on time, no word of a token. */

import { lookup as lookupAll, type LookupAddress } from "node:dns";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { messageOf } from "../errors.js";
import { type Hosts, hostName, isPrivate } from "./hosts.js";
import { badGateway } from "./wanted.js";

/** Until the head of an answer is there, and between two pieces of a body, milliseconds. */
export interface Patience {
    readonly head: number;
    readonly body: number;
}

export const PATIENCE: Patience = { head: 30_000, body: 60_000 };

const MOST_REDIRECTS = 8;

/** Bytes of an answer that is read as a whole. */
const MOST_JSON = 16 * 1024 ** 2;

export interface Asked {
    readonly url: URL;
    readonly headers?: Readonly<Record<string, string>>;
    /** Sent to `url`'s origin and to no other. */
    readonly token?: string | undefined;
    readonly signal: AbortSignal;
}

export class Asker {
    /** Follow HTTPS_PROXY and NO_PROXY, where Node can (24.5). */
    private readonly agents = { http: new http.Agent(withProxy()), https: new https.Agent(withProxy()) };

    public constructor(
        private readonly hosts: Hosts,
        private readonly hubToken: string | undefined,
        private readonly patience: Patience = PATIENCE,
    ) {}

    /** The answer that is no redirect; its body is not read. @throws Error of the connection, ServiceError, `signal.reason` */
    public async get({ url, headers = {}, token, signal }: Asked): Promise<IncomingMessage> {
        this.hosts.refuseStrange(url);
        let at = url;
        for (let left = MOST_REDIRECTS; left > 0; left -= 1) {
            const own = at.origin === url.origin ? token : undefined;
            const bearer = own ?? (this.hosts.mayGetToken(at) ? this.hubToken : undefined);
            const answer = await this.once(at, { "accept-encoding": "identity", "user-agent": "mentator", ...headers, ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) }, signal);
            const { location } = answer.headers;
            if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || location === undefined) {
                return answer;
            }
            answer.destroy();
            at = parseLocation(location, at);
            this.hosts.refuseRedirect(at);
        }
        throw badGateway(`${url.host} sends on more than ${MOST_REDIRECTS} times.`);
    }

    /** @throws as `get`, and Error where the answer is no JSON */
    public async json(asked: Asked): Promise<{ readonly status: number; readonly headers: IncomingMessage["headers"]; readonly body: unknown }> {
        const answer = await this.get({ ...asked, headers: { accept: "application/json", ...asked.headers } });
        const chunks: Buffer[] = [];
        let size = 0;
        try {
            for await (const chunk of answer as AsyncIterable<Buffer>) {
                size += chunk.length;
                if (size > MOST_JSON) {
                    throw badGateway(`${asked.url.host} answers with more than ${MOST_JSON / 1024 ** 2} MiB.`);
                }
                chunks.push(chunk);
            }
        } finally {
            answer.destroy();
        }
        const status = answer.statusCode ?? 0;
        let body: unknown;
        try {
            body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        } catch {
            if (status === 200) {
                throw badGateway(`${asked.url.host} gives no JSON: a proxy or a login page may have answered.`);
            }
        }
        return { status, headers: answer.headers, body };
    }

    public close(): void {
        this.agents.http.destroy();
        this.agents.https.destroy();
    }

    private async once(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
        signal.throwIfAborted();
        const [client, agent] = url.protocol === "https:" ? [https, this.agents.https] : [http, this.agents.http];
        const options: RequestOptions = { agent, headers, ...(this.hosts.isAllowed(url) ? {} : { lookup: lookupPublic(hostName(url)) }) };
        return new Promise((resolve, reject) => {
            const request = client.get(url, options);
            const timer = setTimeout(() => request.destroy(new Error(`${url.host} gives no answer within ${this.patience.head / 1000} s`)), this.patience.head);
            const abort = (): void => void request.destroy(signal.reason as Error);
            signal.addEventListener("abort", abort, { once: true });
            request.once("close", () => {
                clearTimeout(timer);
                signal.removeEventListener("abort", abort);
            });
            request.on("error", (thrown) => reject(signal.aborted ? (signal.reason as Error) : thrown));
            request.once("response", (answer) => {
                clearTimeout(timer);
                answer.setTimeout(this.patience.body, () => answer.destroy(new Error(`${url.host} sends nothing for ${this.patience.body / 1000} s`)));
                // An error of a body that nobody reads any more is nobody's.
                answer.on("error", () => undefined);
                resolve(answer);
            });
        });
    }
}

function withProxy(): object {
    return { keepAlive: true, maxSockets: 8, proxyEnv: process.env };
}

function parseLocation(location: string, from: URL): URL {
    try {
        return new URL(location, from);
    } catch (thrown) {
        throw badGateway(`${from.host} sends on to no address: ${messageOf(thrown)}`);
    }
}

/** Refuses private addresses of `host` at the connection itself, so that a name that changes its address does not help. A proxy has another name. */
function lookupPublic(host: string): LookupFunction {
    return (name, options, callback) => {
        lookupAll(name, { ...options, all: true }, (fault, addresses: LookupAddress[]) => {
            const bad = fault === null && name === host && addresses.some(({ address }) => isPrivate(address));
            const [first] = fault === null ? addresses : [];
            if (bad || first === undefined) {
                callback(fault ?? badGateway(`${host} has a private address.`), "", 0);
            } else if (options.all === true) {
                callback(null, addresses);
            } else {
                callback(null, first.address, first.family);
            }
        });
    };
}
