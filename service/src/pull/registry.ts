/** Asks a registry for OCI artifacts, as Ollama's is, which blob is the model. */

import type { IncomingHttpHeaders } from "node:http";
import type { Asked, Asker } from "./ask.js";
import { refusalOf } from "./refusal.js";
import { OLLAMA_HOST, type RegistrySource } from "./source.js";
import { badGateway, fileName, type Wanted } from "./wanted.js";

const MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/** Ollama's, Docker's and what others write for a GGUF file; then for a projector. */
const MODEL_TYPES = ["application/vnd.ollama.image.model", "application/vnd.docker.ai.gguf.v3", "application/vnd.cncf.model.weight.v1.gguf", "application/x-gguf"];
const PROJECTOR_TYPES = ["application/vnd.ollama.image.projector", "application/vnd.docker.ai.mmproj"];
const TITLE = "org.opencontainers.image.title";

interface Layer {
    readonly mediaType?: unknown;
    readonly digest?: unknown;
    readonly size?: unknown;
    readonly annotations?: Readonly<Record<string, unknown>>;
}

function isTyped(layer: Layer, types: readonly string[]): boolean {
    const title = layer.annotations?.[TITLE];
    return types.includes(String(layer.mediaType)) || (types === MODEL_TYPES && typeof title === "string" && title.toLowerCase().endsWith(".gguf"));
}

/** `NAME-TAG`, as people call it. */
function nameOf({ repository, reference }: RegistrySource): string {
    const name = repository.split("/").at(-1) ?? repository;
    return reference === "latest" ? name : `${name}-${reference.replace(/^sha256:([0-9a-f]{12}).*$/, "$1")}`;
}

/** @throws ServiceError, errors of the connection */
export async function resolveRegistry(asker: Asker, source: RegistrySource, plain: boolean, signal: AbortSignal): Promise<Wanted[]> {
    const { host, repository, reference } = source;
    const base = `http${plain ? "" : "s"}://${host}/v2/${repository}`;
    const what = `${host === OLLAMA_HOST ? "ollama" : "oci"}:${repository}:${reference}`;
    let asked: Asked = { url: new URL(`${base}/manifests/${reference}`), headers: { accept: MANIFESTS }, signal };
    let { status, headers, body } = await asker.json(asked);
    if (status === 401) {
        asked = { ...asked, token: await publicToken(asker, headers, repository, signal) };
        ({ status, headers, body } = await asker.json(asked));
    }
    if (status !== 200) {
        throw refusalOf(what, status, headers);
    }
    const { layers } = (body ?? {}) as { layers?: unknown };
    const all = Array.isArray(layers) ? (layers as Layer[]) : [];
    const models = all.filter((layer) => isTyped(layer, MODEL_TYPES));
    const projectors = all.filter((layer) => isTyped(layer, PROJECTOR_TYPES));
    if (models.length === 0) {
        throw badGateway(`${what} holds no GGUF model.`);
    }
    const name = nameOf(source);
    const wanted = (layer: Layer, called: string): Wanted => {
        const { digest, size } = layer;
        if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
            throw badGateway(`${what} has a layer without digest or size.`);
        }
        return { url: new URL(`${base}/blobs/${digest}`), name: fileName(called), size, sha256: digest.slice(7), ...(asked.token === undefined ? {} : { token: asked.token }) };
    };
    return [
        ...models.map((layer, index) => wanted(layer, models.length === 1 ? `${name}.gguf` : titleOf(layer) ?? `${name}-${index + 1}.gguf`)),
        ...projectors.slice(0, 1).map((layer) => wanted(layer, `mmproj-${name}.gguf`)),
    ];
}

function titleOf(layer: Layer): string | undefined {
    const title = layer.annotations?.[TITLE];
    return typeof title === "string" ? title : undefined;
}

/** The token that a registry gives to everybody who asks where its 401 says (distribution's token specification). */
async function publicToken(asker: Asker, headers: IncomingHttpHeaders, repository: string, signal: AbortSignal): Promise<string | undefined> {
    const header = headers["www-authenticate"] ?? "";
    const part = (name: string): string | undefined => new RegExp(`${name}="([^"]*)"`).exec(header)?.[1];
    const realm = part("realm");
    if (!/^Bearer /i.test(header) || realm === undefined || !URL.canParse(realm)) {
        return undefined;
    }
    const url = new URL(realm);
    url.searchParams.set("service", part("service") ?? "");
    url.searchParams.set("scope", `repository:${repository}:pull`);
    const { status, body } = await asker.json({ url, signal });
    const { token, access_token: access } = (body ?? {}) as { token?: unknown; access_token?: unknown };
    const given = token ?? access;
    return status === 200 && typeof given === "string" && /^[\x21-\x7e]{1,16384}$/.test(given) ? given : undefined;
}
