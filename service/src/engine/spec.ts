/** When a model in memory is what a request asks for. Values in, values out. */

import type { LoadedModel, LoadSpec } from "./engine.js";

/** The same was asked for, or what is asked for now is what there is. */
function fits(asked: number | undefined, askedBefore: number | undefined, actual: number): boolean {
    return asked === askedBefore || (asked !== undefined && asked === actual);
}

/** @param gpu whether layers can lie on a GPU at all; if not, their number makes no difference */
export function isServedBy(loaded: LoadedModel, spec: LoadSpec, gpu: boolean): boolean {
    const before = loaded.spec;
    return (
        before.file === spec.file &&
        before.modifiedMs === spec.modifiedMs &&
        (!gpu || fits(spec.gpulayer, before.gpulayer, loaded.gpulayer)) &&
        fits(spec.contextSize, before.contextSize, loaded.contextSize)
    );
}
