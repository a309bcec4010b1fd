/** Asks Hugging Face, or a mirror of it, which files a repository has. */

import { ServiceError } from "../errors.js";
import type { Asker } from "./ask.js";
import { type HubFile, pickFiles } from "./hub-files.js";
import { refusalOf } from "./refusal.js";
import type { HubSource } from "./source.js";
import { badGateway, type Wanted } from "./wanted.js";

/** Pages of a list of files, each of up to a thousand. */
const MOST_PAGES = 20;

interface Row {
    readonly type?: unknown;
    readonly path?: unknown;
    readonly size?: unknown;
    readonly lfs?: { readonly oid?: unknown; readonly size?: unknown };
}

function fileOf(row: Row): HubFile[] {
    const { type, path, lfs } = row;
    const size = lfs?.size ?? row.size;
    if (type !== "file" || typeof path !== "string" || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
        return [];
    }
    const oid = lfs?.oid;
    return [{ path, size, ...(typeof oid === "string" && /^[0-9a-f]{64}$/.test(oid) ? { sha256: oid } : {}) }];
}

/** @throws ServiceError, errors of the connection */
export async function resolveHub(asker: Asker, endpoint: string, source: HubSource, signal: AbortSignal): Promise<Wanted[]> {
    const { repository, revision, pick } = source;
    const files: HubFile[] = [];
    let next: URL | undefined = new URL(`${endpoint}/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`);
    for (let page = 0; next !== undefined && page < MOST_PAGES; page += 1) {
        const { status, headers, body } = await asker.json({ url: next, signal });
        if (status !== 200) {
            throw refusalOf(`hf:${repository}`, status, headers);
        }
        if (!Array.isArray(body)) {
            throw badGateway(`${next.host} gives no list of files for ${repository}.`);
        }
        files.push(...(body as Row[]).flatMap(fileOf));
        const [, link] = /<([^>]*)>;\s*rel="next"/.exec([headers["link"]].flat().join(",")) ?? [];
        const following: URL | undefined = link === undefined ? undefined : new URL(link, next);
        if (following !== undefined && following.origin !== next.origin) {
            throw new ServiceError(502, `${next.host} continues its list of files on another host.`);
        }
        next = following;
    }
    return pickFiles(`hf:${repository}`, files, pick).map(({ path, name, size, sha256 }) => ({
        url: new URL(`${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path.split("/").map(encodeURIComponent).join("/")}`),
        name,
        size,
        ...(sha256 === undefined ? {} : { sha256 }),
    }));
}
