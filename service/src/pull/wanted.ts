/** What a source comes down to: files to fetch, and the names that they get. Values in, values out. */

import path from "node:path";
import { ServiceError } from "../errors.js";

export interface Wanted {
    readonly url: URL;
    /** Below modelDir, a plain file name. */
    readonly name: string;
    /** Bytes. */
    readonly size?: number;
    /** In hexadecimal. */
    readonly sha256?: string;
    /** Of a registry that gives tokens to everybody: only for `url`'s host. */
    readonly token?: string;
}

/** A host that gives answers which cannot be used. */
export function badGateway(message: string): ServiceError {
    return new ServiceError(502, message);
}

/** Characters that every file system and every shell takes. @throws ServiceError 502 */
export function fileName(name: string): string {
    const base = path.posix.basename(name).replace(/[^A-Za-z0-9._+-]/g, "_").replace(/^[.-]+/, "");
    const whole = /\.gguf$/i.test(base) ? base : `${base}.gguf`;
    if (whole.length > 200 || whole === ".gguf") {
        throw badGateway(`No file can be named after "${name.slice(0, 100)}".`);
    }
    return whole;
}
