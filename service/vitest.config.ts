import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
    test: {
        globalSetup: "tests/own-temporary-folder.ts",
        include: ["tests/**/*.test.{ts,js}"],
        environment: "node",
        execArgv: ["--import", fileURLToPath(new URL("tests/typescript-in-threads.mjs", import.meta.url))],
    },
});
