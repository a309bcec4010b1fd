// Lets threads and child processes that the tests start load the service's TypeScript: vitest compiles only for its own
// processes. Node passes `--import` on to threads, so that this module runs in each.
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

registerHooks({
    resolve(specifier, context, next) {
        try {
            return next(specifier, context);
        } catch (thrown) {
            if (!/^(\.|file:).*\.js$/.test(specifier)) {
                throw thrown;
            }
            return next(specifier.replace(/\.js$/, ".ts"), context);
        }
    },
    load(url, context, next) {
        if (!url.startsWith("file:") || !url.endsWith(".ts")) {
            return next(url, context);
        }
        const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"), { mode: "transform" });
        return { format: "module", source, shortCircuit: true };
    },
});
