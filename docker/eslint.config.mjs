// The service's rules, for all JavaScript of ours that Node runs without a build step.
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig({
    files: ["**/*.mjs"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
        parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
        "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
        "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
        // An empty variable counts as none.
        "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
        // JSON.parse gives any: what is read is typed where it is used.
        "@typescript-eslint/no-unsafe-assignment": "off",
        "@typescript-eslint/no-unsafe-argument": "off",
        // Node's runner waits for its tests itself.
        "@typescript-eslint/no-floating-promises": ["error", {
            allowForKnownSafeCalls: [{ from: "package", name: ["describe", "it", "test"], package: "node:test" }],
        }],
    },
});
