/**
 * Which callers are served while no key is set: by then, everybody who reaches the port is. Pages that a browser shows
 * are the exception: the machine that reaches the port is not theirs. SECURITY.md has the reasoning. Pure.
 */

import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

export interface Call {
    readonly method: string;
    readonly headers: IncomingHttpHeaders;
}

export interface Trusted {
    /** `example.org`, `*.example.org` or `*`. */
    readonly hosts: readonly string[];
    /** Other origins whose pages may call; "*" is all. */
    readonly origins: readonly string[];
}

/** Change nothing. What they answer is kept from other origins by the browser. */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Top-level names that nobody can register (RFC 6761, RFC 6762 appendix G, ICANN's `internal`; `svc` is Kubernetes'). */
const PRIVATE = new Set(["localhost", "local", "localdomain", "internal", "intranet", "private", "lan", "home", "corp", "svc", "test"]);

/** The name or address of a `Host` header, without port, in lower case. */
export function hostName(host: string): string {
    const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim()) ?? [];
    return (bracketed ?? plain ?? host).toLowerCase().replace(/%.*$/, "").replace(/\.$/, "");
}

/** Whether nobody else can have the name point to this machine: DNS rebinding needs a name that is registered. */
export function isPrivateHost(name: string): boolean {
    const last = name.split(".").at(-1) ?? "";
    return isIP(name) !== 0 || !name.includes(".") || PRIVATE.has(last) || name.endsWith(".home.arpa");
}

export function isListed(name: string, hosts: readonly string[]): boolean {
    return hosts.some((listed) => {
        const wanted = hostName(listed);
        return wanted === "*" || wanted === name || (wanted.startsWith("*.") && name.endsWith(wanted.slice(1)));
    });
}

/**
 * A program, and no page in a browser. Scripts of a page can leave out `Referer`, and a GET has no `Origin`, but they cannot
 * leave out `Accept-Language`. Node's `fetch` sends it too, with a `Sec-Fetch-Mode`, which scripts cannot send alone.
 */
function isProgram({ headers }: Call): boolean {
    const marks = [headers.origin, headers.referer, headers["sec-fetch-site"]];
    return marks.every((mark) => mark === undefined) && (headers["accept-language"] === undefined || headers["sec-fetch-mode"] !== undefined);
}

function isForeign(origin: string | undefined, host: string, origins: readonly string[]): boolean {
    if (origin === undefined || origins.includes("*") || origins.includes(origin)) {
        return false;
    }
    // Scripts of a page cannot take the origin of an extension or a desktop program.
    return origin === "null" || (/^https?:/i.test(origin) && origin.replace(/^https?:\/\//i, "").toLowerCase() !== host.toLowerCase());
}

/** Why the call is refused, or "". */
export function refusalOf(call: Call, { hosts, origins }: Trusted): string {
    const { host = "", origin, "sec-fetch-site": site } = call.headers;
    // Only sent where the connection is encrypted or the name is localhost: so the name has not been rebound.
    if (site === "same-origin" || site === "none") {
        return "";
    }
    if (!SAFE_METHODS.has(call.method) && isForeign(origin, host, origins)) {
        return `A page of ${(origin ?? "").slice(0, 200)} may not call: name its origin in corsOrigins (configuration file) to allow it.`;
    }
    const name = hostName(host);
    if (name === "" || isPrivateHost(name) || isListed(name, hosts) || isProgram(call)) {
        return "";
    }
    return `The host name ${name.slice(0, 200)} is not known to this service, so a page that calls it by this name is not trusted: name it in allowedHosts (configuration file), or set an API key.`;
}
