/** Reads a span of time page by page: never more than one page is in memory. */

import type { Database } from "./database.js";
import type { Cursor, Row, Table } from "./protocol.js";

export async function* pagesOf(database: Database, table: Table, from: number, to: number): AsyncGenerator<readonly Row[]> {
    let after: Cursor | undefined;
    do {
        const { rows, next }: { rows: readonly Row[]; next?: Cursor } = await database.ask("between", { table, from, to, ...(after === undefined ? {} : { after }) });
        yield rows;
        after = next;
    } while (after !== undefined);
}
