import { defineConfig } from "vitest/config";

export default defineConfig({
    test: {
        globalSetup: "tests/own-temporary-folder.ts", include: ["tests/**/*.test.{ts,js}"], environment: "node" },
});
