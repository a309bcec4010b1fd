/** What a model is pulled by: a text that says where it comes from. Values in, values out. */

import { createHash } from "node:crypto";
import { badRequest } from "../errors.js";

/** A repository of Hugging Face or of a mirror of it. */
export interface HubSource {
    readonly kind: "hf";
    readonly repository: string;
    readonly revision: string;
    /** A file's path in the repository, or a quantization; absent: a good one is chosen. */
    readonly pick?: string;
}

/** A manifest of a registry for OCI artifacts, as Ollama's is. */
export interface RegistrySource {
    readonly kind: "registry";
    /** Host and, where it is not 443, port. */
    readonly host: string;
    readonly repository: string;
    /** Tag or digest. */
    readonly reference: string;
}

export interface UrlSource {
    readonly kind: "url";
    readonly url: URL;
    /** In hexadecimal, where the fragment `#sha256=` says it. */
    readonly sha256?: string;
}

export type Source = HubSource | RegistrySource | UrlSource;

export const OLLAMA_HOST = "registry.ollama.ai";

const LONGEST = 2000;

const FORMS = "Forms: hf:OWNER/REPO[@REVISION][:QUANTIZATION or FILE], ollama:NAME[:TAG], oci:HOST/NAME[:TAG], https://HOST/FILE.gguf[#sha256=SUM].";

function fault(text: string, why: string): Error {
    return badRequest(`The source "${hideSecrets(text).slice(0, 200)}" cannot be used: ${why}. ${FORMS}`);
}

/** Tells sources apart, and shows nothing of them. */
export function keyOf(text: string): string {
    return createHash("sha256").update(text.trim()).digest("hex");
}

/** A URL may hold a password or a signature. */
export function hideSecrets(text: string): string {
    return text.replace(/\/\/[^/@\s]*@/, "//").replace(/\?[^#\s]*/, "?...");
}

/** @throws ServiceError 400 */
export function parseSource(text: string): Source {
    const source = text.trim();
    if (source.length > LONGEST || /[\s\p{Cc}]/u.test(source)) {
        throw fault(source, "it is too long or holds spaces");
    }
    const [, scheme = "", rest = ""] = /^(hf|ollama|oci|https?):(.+)$/s.exec(source) ?? [];
    switch (scheme) {
        case "hf":
            return hub(source, rest);
        case "ollama":
            return registry(source, rest, OLLAMA_HOST);
        case "oci":
            return registry(source, rest, undefined);
        case "http":
        case "https":
            return address(source);
        default:
            throw fault(source, "it begins with none of hf:, ollama:, oci:, https:");
    }
}

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";
const HUB = new RegExp(`^(?:\\/\\/)?(${NAME}/${NAME})(?:@(${NAME}))?(?:[:/](.+))?$`, "s");

function hub(text: string, rest: string): HubSource {
    const [, repository, revision = "main", pick] = HUB.exec(rest) ?? [];
    if (repository === undefined || repository.includes("..")) {
        throw fault(text, "it names no repository as OWNER/REPO");
    }
    if (pick !== undefined && !isPlainPath(pick)) {
        throw fault(text, "the file's path holds empty parts or '..'");
    }
    return { kind: "hf", repository, revision, ...(pick === undefined ? {} : { pick }) };
}

function isPlainPath(path: string): boolean {
    return path.split("/").every((part) => part !== "" && part !== "." && part !== "..") && !/[\\?#%]/.test(path);
}

const REPOSITORY = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/i;
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/i;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

function registry(text: string, rest: string, usualHost: string | undefined): RegistrySource {
    const parts = rest.replace(/^\/\//, "").split("/");
    const named = parts.length > 1 && /[.:]|^localhost$|^\[/.test(parts[0] ?? "");
    const host = named ? (parts.shift() ?? "") : usualHost;
    const last = parts.pop() ?? "";
    const [, name = "", byDigest, byTag] = /^([^:@]+)(?:@(.+)|:(.+))?$/.exec(last) ?? [];
    // As Ollama writes them: a name without an owner is one of its library.
    const owner = parts.length === 0 && host === OLLAMA_HOST ? ["library"] : parts;
    const repository = [...owner, name].join("/");
    const reference = byDigest ?? byTag ?? "latest";
    if (host === undefined || !HOST.test(host)) {
        throw fault(text, "it names no host");
    }
    if (!REPOSITORY.test(repository)) {
        throw fault(text, "it names no repository");
    }
    if (!(byDigest === undefined ? TAG : DIGEST).test(reference)) {
        throw fault(text, "its tag or digest has not the form of one");
    }
    return { kind: "registry", host, repository, reference };
}

function address(text: string): UrlSource {
    let url: URL;
    try {
        url = new URL(text);
    } catch {
        throw fault(text, "it is no URL");
    }
    const [, sha256] = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash) ?? [];
    if (url.hash !== "" && sha256 === undefined) {
        throw fault(text, "its fragment is not sha256= with 64 digits");
    }
    try {
        decodeURIComponent(url.pathname);
    } catch {
        throw fault(text, "its path cannot be decoded");
    }
    if (url.username !== "" || url.password !== "") {
        throw fault(text, "it holds a user name or a password");
    }
    url.hash = "";
    return { kind: "url", url, ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }) };
}
