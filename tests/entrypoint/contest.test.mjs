// A processor's own graphics against the processor.
import assert from "node:assert/strict";
import { test } from "node:test";

import { judge } from "../../docker/entrypoint/contest.mjs";

for (const [card, processor, loses, told] of /** @type {const} */ ([
    [900, 400, true, "a processor's own graphics, slower than the CPU: 900 ms against 400 ms for an answer"],
    [300, 400, false, "a processor's own graphics, not slower than the CPU: 300 ms against 400 ms for an answer"],
    [undefined, 400, true, "a processor's own graphics, slower than the CPU: no answer against 400 ms for an answer"],
    [300, undefined, false, "a processor's own graphics, not slower than the CPU: 300 ms against no answer for an answer"],
    [undefined, undefined, false, "a processor's own graphics, not slower than the CPU: no answer against no answer for an answer"],
])) {
    test(`${card ?? "no"} ms against ${processor ?? "no"} ms ${loses ? "lose" : "win"}`, () => {
        assert.deepEqual(judge(card, processor), { loses, text: told });
    });
}
