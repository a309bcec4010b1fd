/** Several pieces of work, a few at a time. */

/** @param work never rejects. @returns in the order of `items` */
export async function fewAtOnce<Item, Result>(items: readonly Item[], most: number, work: (item: Item, index: number) => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
        while (next < items.length) {
            const index = next;
            next += 1;
            results[index] = await work(items[index] as Item, index);
        }
    };
    await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
    return results;
}
