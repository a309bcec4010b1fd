/**
 * What the operating system shows of a GPU: device nodes and the driver's own files.
 *
 * A container runtime that reloads takes the right to the nodes away, a driver that is unloaded takes
 * the files. Neither stops a process that has them open, so nobody is told unless somebody looks.
 * access(2) asks the kernel, device rules of the cgroup included, and opens nothing.
 */

import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import path from "node:path";
import type { BackendType } from "../backend.js";

interface Kind {
    readonly folder: string;
    readonly name: RegExp;
    readonly rights: number;
}

const USE = constants.R_OK | constants.W_OK;

/** Below the root, with the rights that a process needs; those that are not there are not watched. */
const KINDS: Readonly<Record<BackendType, readonly Kind[]>> = {
    cuda: [
        { folder: "dev", name: /^(?:nvidia(?:\d+|ctl|-uvm)|dxg)$/, rights: USE },
        { folder: "proc/driver/nvidia", name: /^version$/, rights: constants.R_OK },
    ],
    rocm: [
        { folder: "dev", name: /^kfd$/, rights: USE },
        { folder: "dev/dri", name: /^renderD\d+$/, rights: USE },
    ],
    cpu: [],
};

const MEANING: Readonly<Record<string, string>> = {
    ENOENT: "it is not there any more",
    EPERM: "the container may not use it any more",
    EACCES: "its rights were taken away",
};

interface Watched {
    readonly file: string;
    readonly rights: number;
}

export class Surface {
    private constructor(private readonly watched: readonly Watched[]) {}

    /** Remembers what is usable now. @param root of the file system, another one in tests */
    public static async now(type: BackendType, root = "/"): Promise<Surface> {
        const watched: Watched[] = [];
        for (const { folder, name, rights } of KINDS[type]) {
            const names = await readdir(path.join(root, folder)).catch(() => []);
            for (const file of names.filter((found) => name.test(found)).map((found) => path.join(root, folder, found))) {
                if ((await refusal(file, rights)) === undefined) {
                    watched.push({ file, rights });
                }
            }
        }
        return new Surface(watched);
    }

    public get files(): readonly string[] {
        return this.watched.map(({ file }) => file);
    }

    /** The first that was usable and is not, and why; nothing where all are. */
    public async fault(): Promise<string | undefined> {
        for (const { file, rights } of this.watched) {
            const code = await refusal(file, rights);
            if (code !== undefined) {
                return `${file}: ${MEANING[code] ?? code}`;
            }
        }
        return undefined;
    }
}

async function refusal(file: string, rights: number): Promise<string | undefined> {
    try {
        await access(file, rights);
        return undefined;
    } catch (thrown) {
        return (thrown as NodeJS.ErrnoException).code ?? "it cannot be used";
    }
}
