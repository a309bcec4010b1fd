/** Whose request is being served: the name of its key, wherever in the service something is counted for it. */

import { AsyncLocalStorage } from "node:async_hooks";

const names = new AsyncLocalStorage<string>();

/** Everything that `serve` starts, also later, belongs to this caller. */
export function asCaller(name: string, serve: () => void): void {
    names.run(name, serve);
}

/** undefined where keys have no names. */
export function callerName(): string | undefined {
    return names.getStore();
}
