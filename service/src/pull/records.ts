/** Which source gave which files: so that a restart asks no host, and a pull of the same source again finds them. */

import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { DOWNLOADS } from "./partial.js";

interface RecordedFile {
    readonly name: string;
    readonly size: number;
    readonly sha256?: string;
}

export interface Pulled {
    /** As shown. */
    readonly source: string;
    /** Of the source as it was given. */
    readonly key: string;
    /** The model's first file is the first. */
    readonly files: readonly RecordedFile[];
}

const END = ".pulled.json";

/** Bytes of a record, at most. */
const LONGEST = 256 * 1024;

export class Records {
    private readonly folder: string;

    public constructor(private readonly modelDir: string) {
        this.folder = path.join(modelDir, DOWNLOADS);
    }

    public async all(): Promise<Pulled[]> {
        const names = await readdir(this.folder).catch(() => []);
        const read = await Promise.all(names.filter((name) => name.endsWith(END)).map(async (name) => this.read(path.join(this.folder, name))));
        return read.flatMap((record) => record ?? []);
    }

    /** Those whose files are all there, with their sizes. */
    public async complete(key: string): Promise<Pulled | undefined> {
        for (const record of await this.all()) {
            if (record.key === key && (await this.isComplete(record))) {
                return record;
            }
        }
        return undefined;
    }

    public async write(record: Pulled): Promise<void> {
        const file = this.fileOf(record);
        await writeFile(`${file}~`, JSON.stringify(record));
        await rename(`${file}~`, file);
    }

    public async forget(record: Pulled): Promise<void> {
        await rm(this.fileOf(record), { force: true });
    }

    private fileOf({ files }: Pulled): string {
        return path.join(this.folder, `${files[0]?.name ?? "none"}${END}`);
    }

    private async isComplete({ files }: Pulled): Promise<boolean> {
        const sizes = await Promise.all(files.map(async ({ name }) => stat(path.join(this.modelDir, name)).then((facts) => facts.size, () => -1)));
        return files.every(({ size }, index) => sizes[index] === size);
    }

    /** Undefined for what is no record of ours: anybody may write into the folder. */
    private async read(file: string): Promise<Pulled | undefined> {
        try {
            const facts = await stat(file);
            if (!facts.isFile() || facts.size > LONGEST) {
                return undefined;
            }
            const { source, key, files } = JSON.parse(await readFile(file, "utf8")) as Pulled;
            const plain = ({ name, size }: RecordedFile): boolean => typeof name === "string" && path.basename(name) === name && !name.startsWith(".") && Number.isSafeInteger(size);
            return typeof source === "string" && typeof key === "string" && files.length > 0 && files.every(plain) ? { source, key, files } : undefined;
        } catch {
            return undefined;
        }
    }
}
