/** Server-sent events out of a body, as far as OpenAI's streams use them: the data of each event. Pure. */

/**
 * @param {AsyncIterable<Uint8Array>} body
 * @returns {AsyncGenerator<string, void>}
 */
export async function* events(body) {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of body) {
        rest += decoder.decode(bytes, { stream: true });
        const blocks = rest.split(/\r?\n\r?\n/);
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
            const data = dataOf(block);
            if (data !== undefined) {
                yield data;
            }
        }
    }
    const last = dataOf(rest + decoder.decode());
    if (last !== undefined) {
        yield last;
    }
}

/** @param {string} block */
function dataOf(block) {
    const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
    return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

/**
 * A body as what `for await` takes: not every browser can iterate a stream by itself.
 * @param {ReadableStream<Uint8Array>} stream
 */
export async function* chunksOf(stream) {
    const reader = stream.getReader();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) {
                return;
            }
            yield value;
        }
    } finally {
        await reader.cancel().catch(() => undefined);
    }
}
