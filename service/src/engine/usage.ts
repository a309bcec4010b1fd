/** Figures of several generations for one answer. Pure. */

import type { Usage } from "./engine.js";

/** Of the answer that was generated last; the first token is the first one's. */
export function sumOf(before: Usage | undefined, last: Usage): Usage {
    return before === undefined
        ? last
        : {
              ...last,
              promptTokens: before.promptTokens + last.promptTokens,
              cachedTokens: (before.cachedTokens ?? 0) + (last.cachedTokens ?? 0),
              completionTokens: before.completionTokens + last.completionTokens,
              ...(before.firstTokenMsec === undefined ? {} : { firstTokenMsec: before.firstTokenMsec }),
          };
}
