/** Table response: answers of /v1/responses with what they answered, for as long as the configuration says. */

import { callerName } from "../caller.js";
import type { Item } from "../responses/schema.js";
import type { Database } from "./database.js";

const HOUR_MSEC = 3_600_000;

export interface Kept {
    readonly response: object & { readonly output: readonly Item[] };
    readonly input: readonly Item[];
}

export class ResponseTable {
    public constructor(
        private readonly database: Database,
        /** 0: nothing is kept. */
        private readonly liveHours: number,
    ) {}

    public get keeps(): boolean {
        return this.liveHours > 0;
    }

    /** @throws ServiceError */
    public async keep(id: string, previous: string | null, { input, response }: Kept): Promise<void> {
        await this.database.ask("keepResponse", { id, ts: Date.now(), owner: owner(), previous, input: JSON.stringify(input), body: JSON.stringify(response) });
    }

    /** @returns undefined when there is none, for this client */
    public async find(id: string): Promise<Kept | undefined> {
        return (await this.read(id, 1)).at(-1);
    }

    /** Everything that was said up to this answer, and the answer, oldest first; empty where a part of it is gone. */
    public async itemsUpTo(id: string): Promise<readonly Item[]> {
        return (await this.read(id)).flatMap(({ input, response }) => [...input, ...response.output]);
    }

    public async forget(id: string): Promise<boolean> {
        return (await this.database.ask("forgetResponses", { id, owner: owner() })) > 0;
    }

    private get since(): number {
        return this.keeps ? Date.now() - this.liveHours * HOUR_MSEC : Number.MAX_SAFE_INTEGER;
    }

    /** Oldest first. */
    private async read(id: string, turns?: number): Promise<readonly Kept[]> {
        const rows = await this.database.ask("conversation", { id, owner: owner(), since: this.since, ...(turns === undefined ? {} : { turns }) });
        return rows.map(({ input, body }) => ({ input: JSON.parse(input) as Item[], response: JSON.parse(body) as Kept["response"] })).reverse();
    }
}

/** Each named key has its own. */
function owner(): string {
    return callerName() ?? "";
}
