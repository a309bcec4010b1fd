/**
 * What the operating system shows of a GPU: device nodes and the driver's own files.
 *
 * A container runtime that reloads takes away the right to use the nodes, and a driver that is unloaded
 * takes away the files. Neither stops a process that has them open, so the service has to look. access(2)
 * asks the kernel, including the device rules of the cgroup, and opens nothing.
 */

import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import path from "node:path";

const MEANING: Readonly<Record<string, string>> = {
    ENOENT: "it is not there any more",
    EPERM: "the container may not use it any more",
    EACCES: "its rights were taken away",
};

interface Watched {
    readonly file: string;
    readonly rights: number;
}

/** A process reads and writes device nodes; of other files it only reads. */
function rightsFor(pattern: string): number {
    return pattern.startsWith("dev/") ? constants.R_OK | constants.W_OK : constants.R_OK;
}

/** @param glob a file's name in which `*` stands for any characters and `[0-9]` for one digit */
export function nameMatcher(glob: string): RegExp {
    const parts = glob.split(/(\*|\[0-9\])/).map((part) => {
        if (part === "*") {
            return ".*";
        }
        return part === "[0-9]" ? part : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    });
    return new RegExp(`^${parts.join("")}$`, "s");
}

export class Surface {
    private constructor(private readonly watched: readonly Watched[]) {}

    /**
     * Remembers what can be used now. What is not there is not watched.
     * @param patterns relative to the root, see `Mode.watch`
     * @param root of the file system, another one in tests
     */
    public static async now(patterns: readonly string[], root = "/"): Promise<Surface> {
        const watched = new Map<string, Watched>();
        for (const pattern of patterns) {
            const folder = path.join(root, path.dirname(pattern));
            const name = nameMatcher(path.basename(pattern));
            const rights = rightsFor(pattern);
            const names = await readdir(folder).catch(() => []);
            for (const file of names.filter((found) => name.test(found)).map((found) => path.join(folder, found))) {
                if ((await refusal(file, rights)) === undefined) {
                    watched.set(file, { file, rights });
                }
            }
        }
        return new Surface([...watched.values()]);
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
