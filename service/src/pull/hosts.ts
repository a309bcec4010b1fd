/** Which addresses may be asked, and who may see a token. Values in, values out. */

import { BlockList, isIP } from "node:net";
import { ServiceError } from "../errors.js";
import { OLLAMA_HOST } from "./source.js";

export interface HostSettings {
    /** `HOST[:PORT]`, or `http://HOST[:PORT]` where it may be asked without TLS. */
    readonly hosts: readonly string[];
    /** Hugging Face's or a mirror's, without a slash at the end. */
    readonly endpoint: string;
}

/** Addresses that only a host which was allowed by its name may have. */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
    ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12],
    ["192.0.0.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["224.0.0.0", 4], ["240.0.0.0", 4],
] as const) {
    PRIVATE.addSubnet(net, prefix, "ipv4");
}
for (const [net, prefix] of [["::", 127], ["64:ff9b::", 96], ["fc00::", 7], ["fe80::", 10], ["ff00::", 8]] as const) {
    PRIVATE.addSubnet(net, prefix, "ipv6");
}

export function isPrivate(address: string): boolean {
    // Without the interface of a link-local address: a list knows none that has it.
    const [plain = ""] = address.split("%", 1);
    const family = isIP(plain);
    return family === 0 || PRIVATE.check(plain, family === 6 ? "ipv6" : "ipv4");
}

/** Without the brackets of an IPv6 address. */
export function hostName(url: URL): string {
    return url.hostname.replace(/^\[|\]$/g, "");
}

function isLoopback(url: URL): boolean {
    const name = hostName(url);
    return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** As an origin; undefined where it has not the form. */
export function originOf(host: string): string | undefined {
    try {
        const url = new URL(/^https?:\/\//.test(host) ? host : `https://${host}`);
        return url.pathname === "/" && url.search === "" && url.username === "" ? url.origin : undefined;
    } catch {
        return undefined;
    }
}

export class Hosts {
    private readonly origins: ReadonlySet<string>;
    private readonly endpoint: string;

    public constructor(settings: HostSettings) {
        this.endpoint = new URL(settings.endpoint).origin;
        const named = settings.hosts.flatMap((host) => originOf(host) ?? []);
        this.origins = new Set([this.endpoint, `https://${OLLAMA_HOST}`, ...named]);
    }

    /** Whether the operator trusts it, by its name, port and way of asking. */
    public isAllowed(url: URL): boolean {
        if (this.origins.has(url.origin)) {
            return true;
        }
        // Without TLS nothing is lost on the way to the machine itself.
        return url.protocol === "http:" && isLoopback(url) && this.origins.has(`https://${url.host}`);
    }

    /** The address of a source. @throws ServiceError 403 */
    public refuseStrange(url: URL): void {
        if (!this.isAllowed(url)) {
            const name = `${url.protocol === "http:" ? "http://" : ""}${url.host}`;
            throw new ServiceError(403, `Models are not pulled from ${name}. The operator allows it with "pull": {"hosts": ["${name}"]} in the configuration.`);
        }
    }

    /** An address that an allowed host sends on to, as Hugging Face does to its storage. @throws ServiceError 502 */
    public refuseRedirect(url: URL): void {
        const name = hostName(url);
        if (!this.isAllowed(url) && (url.protocol !== "https:" || (isIP(name) !== 0 && isPrivate(name)) || isLoopback(url))) {
            throw new ServiceError(502, `The host sends on to ${url.origin}, which is private or without TLS. The operator may add it to pull.hosts.`);
        }
    }

    /** Only the endpoint gets it, and nobody who listens on the way. */
    public mayGetToken(url: URL): boolean {
        return url.origin === this.endpoint && (url.protocol === "https:" || isLoopback(url));
    }
}
