/** Real HTTP servers on loopback that behave as Hugging Face, its storage and Ollama's registry do, or badly. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach } from "vitest";

export function sha256(bytes: Buffer): string {
    return createHash("sha256").update(bytes).digest("hex");
}

/** How a server sends its files. */
export interface Manners {
    /** What the next requests for a file get instead, with headers. */
    statuses: { readonly status: number; readonly headers?: Record<string, string> }[];
    /** Bytes of the body after which each of the next answers is cut off. */
    cuts: number[];
    /** "ignored": status 200 and all of it; "slice": 200 and the rest only; "other": 206 with a range from byte 0. */
    ranges: "good" | "ignored" | "slice" | "other" | "refused";
    /** Announced length, where it is wrong. */
    length?: number;
    /** What the storage sends instead of what the list says. */
    instead?: Buffer;
    /** What the list claims as size, bytes. */
    claims?: number;
    /** Bytes a second. */
    rate: number;
    etag: string;
    /** Files that only this token may read. */
    gate?: string;
    /** Answers to a list of files or a manifest. */
    lists: { readonly status: number; readonly headers?: Record<string, string> }[];
}

export interface Seen {
    readonly host: string;
    readonly path: string;
    readonly range: string | undefined;
    readonly authorization: string | undefined;
    /** Bytes of the body that the kernel took. */
    sent: number;
}

const servers: Server[] = [];
afterEach(() => {
    servers.splice(0).forEach((server) => {
        server.closeAllConnections();
        server.close();
    });
});

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void, host: string): Promise<string> {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://${host}:${(server.address() as AddressInfo).port}`;
}

export interface Hub {
    /** The endpoint. */
    readonly url: string;
    /** Where it sends on to, another origin. */
    readonly storage: string;
    readonly manners: Manners;
    readonly seen: Seen[];
    /** Of the storage. */
    readonly fetched: () => Seen[];
}

/** @param files by their path in the one repository `owner/repo`; in the registry, `model` is the file of that name */
export async function hub(files: Readonly<Record<string, Buffer>>, given: Partial<Manners> = {}): Promise<Hub> {
    const manners: Manners = { statuses: [], cuts: [], ranges: "good", rate: 0, etag: '"one"', lists: [], ...given };
    const seen: Seen[] = [];
    const look = (request: IncomingMessage, host: string): Seen => {
        const entry: Seen = { host, path: request.url ?? "", range: request.headers.range, authorization: request.headers.authorization, sent: 0 };
        seen.push(entry);
        return entry;
    };
    const storage = await listen((request, response) => {
        const entry = look(request, "storage");
        const bytes = files[decodeURIComponent((request.url ?? "").replace(/^\/blob\//, "").replace(/\?.*$/, ""))];
        if (bytes === undefined) {
            response.writeHead(404).end();
            return;
        }
        void send(response, manners.instead ?? bytes, manners, request.headers, entry);
    }, "localhost");
    const url = await listen((request, response) => {
        look(request, "hub");
        const at = request.url ?? "";
        const gated = manners.gate !== undefined && request.headers.authorization !== `Bearer ${manners.gate}`;
        if (gated) {
            response.writeHead(request.headers.authorization === undefined ? 401 : 403, { "x-error-message": "Access to model owner/repo is restricted" }).end();
            return;
        }
        const list = /^\/(?:api\/models|v2\/.*\/manifests)\//.test(at) ? manners.lists.shift() : undefined;
        if (list !== undefined) {
            response.writeHead(list.status, list.headers).end();
        } else if (at.startsWith("/api/models/owner/repo/tree/main")) {
            const rows = Object.entries(files).map(([path, bytes]) => ({ type: "file", path, size: bytes.length, lfs: { oid: sha256(bytes), size: manners.claims ?? bytes.length } }));
            // In pages, as Hugging Face does.
            const page = Number(new URL(at, "http://x").searchParams.get("page") ?? 0);
            const more = rows.length > (page + 1) * 2 ? { link: `<http://${request.headers.host ?? ""}/api/models/owner/repo/tree/main?recursive=true&page=${page + 1}>; rel="next"` } : {};
            response.writeHead(200, { "content-type": "application/json", ...more }).end(JSON.stringify(rows.slice(page * 2, page * 2 + 2)));
        } else if (at.startsWith("/owner/repo/resolve/main/")) {
            response.writeHead(302, { location: `${storage}/blob/${at.slice("/owner/repo/resolve/main/".length)}?signature=s3cret` }).end();
        } else if (at === "/v2/library/tiny/manifests/latest") {
            const layer = (mediaType: string, bytes: Buffer): object => ({ mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length });
            const layers = Object.entries(files).map(([name, bytes]) => layer(name === "model" ? "application/vnd.ollama.image.model" : `application/vnd.ollama.image.${name}`, bytes));
            response.writeHead(200).end(JSON.stringify({ schemaVersion: 2, layers }));
        } else if (at.startsWith("/v2/library/tiny/blobs/sha256:")) {
            const [name] = Object.entries(files).find(([, bytes]) => at.endsWith(sha256(bytes))) ?? ["none"];
            response.writeHead(307, { location: `${storage}/blob/${name}` }).end();
        } else {
            response.writeHead(404).end("{}");
        }
    }, "127.0.0.1");
    return { url, storage, manners, seen, fetched: () => seen.filter(({ host }) => host === "storage") };
}

async function send(response: ServerResponse, bytes: Buffer, manners: Manners, headers: IncomingMessage["headers"], entry: Seen): Promise<void> {
    const instead = manners.statuses.shift();
    if (instead !== undefined) {
        response.writeHead(instead.status, instead.headers).end();
        return;
    }
    const asked = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
    const valid = headers["if-range"] === undefined || headers["if-range"] === manners.etag;
    let from = asked === undefined || !valid || manners.ranges === "ignored" ? 0 : Number(asked);
    const total = bytes.length;
    if (asked !== undefined && (from >= total || manners.ranges === "refused")) {
        response.writeHead(416, { "content-range": `bytes */${total}` }).end();
        return;
    }
    const partial = asked !== undefined && valid && (manners.ranges === "good" || manners.ranges === "other");
    from = manners.ranges === "other" ? 0 : from;
    response.writeHead(partial ? 206 : 200, {
        etag: manners.etag,
        "content-length": String(manners.length ?? total - from),
        ...(partial ? { "content-range": `bytes ${from}-${total - 1}/${total}` } : {}),
    });
    const cut = manners.cuts.shift();
    const end = cut === undefined ? total : Math.min(total, from + cut);
    const step = manners.rate > 0 ? Math.max(1, Math.floor(manners.rate / 50)) : 64 * 1024;
    for (let at = from; at < end && !response.destroyed; at += step) {
        const piece = bytes.subarray(at, Math.min(end, at + step));
        // Until the kernel took it: a client that reads slowly holds the server back.
        await new Promise<void>((resolve) => {
            response.once("close", resolve);
            response.write(piece, () => {
                response.off("close", resolve);
                resolve();
            });
        });
        entry.sent += piece.length;
        if (manners.rate > 0) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }
    if (end < total || manners.length !== undefined) {
        response.destroy();
    } else {
        response.end();
    }
}
