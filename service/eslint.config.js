import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["distjs/", "node_modules/"] },
    {
        files: ["src/**/*.ts", "tests/**/*.ts", "vitest.config.ts"],
        extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
        languageOptions: {
            parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
        },
        rules: {
            // `import { type X }` would still load the module, and node-llama-cpp is loaded late.
            "@typescript-eslint/no-import-type-side-effects": "error",
            // A number in a message is what a reader expects to see.
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
        },
    },
);
