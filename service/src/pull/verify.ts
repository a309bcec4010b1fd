/** Whether a complete file is the one that was asked for. */

import type { Hash } from "node:crypto";
import { messageOf } from "../errors.js";
import { readHeader } from "../models/header.js";
import type { Partial } from "./partial.js";
import { badGateway, type Wanted } from "./wanted.js";

/** A file that is not what it should be is removed. @throws ServiceError 502 */
export async function verify(wanted: Wanted, partial: Partial, hash: Hash): Promise<void> {
    const refuse = async (why: string): Promise<never> => {
        await partial.drop();
        throw badGateway(`${wanted.url.host} gave another file than the one that was asked for as ${wanted.name}: ${why}. It was removed; try again.`);
    };
    const size = await partial.size();
    if (wanted.size !== undefined && size !== wanted.size) {
        await refuse(`it has ${size} bytes instead of ${wanted.size}`);
    }
    const sum = hash.digest("hex");
    if (wanted.sha256 !== undefined && sum !== wanted.sha256) {
        await refuse(`its SHA-256 is ${sum} instead of ${wanted.sha256}`);
    }
    const fault = await readHeader(partial.file).then(
        (header) => (header.needed > header.size ? "it is cut short" : undefined),
        (thrown: unknown) => messageOf(thrown),
    );
    if (fault !== undefined) {
        await refuse(`it is no whole GGUF file (${fault})`);
    }
}
