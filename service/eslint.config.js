import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["distjs*/", "node_modules/"] },
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
    {
        // The pages' own code, as the browser gets it; its types stand in comments.
        files: ["src/static/**/*.js", "tests/static/**/*.js"],
        extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
        languageOptions: {
            parserOptions: { project: "./tsconfig.static.json", tsconfigRootDir: import.meta.dirname },
        },
        rules: {
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true, allowAny: true }],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            // Answers of the API come as JSON: their types are the OpenAPI document's.
            "@typescript-eslint/no-unsafe-assignment": "off",
            "@typescript-eslint/no-unsafe-member-access": "off",
            "@typescript-eslint/no-unsafe-argument": "off",
            "@typescript-eslint/no-unsafe-call": "off",
            "@typescript-eslint/no-unsafe-return": "off",
            "@typescript-eslint/no-explicit-any": "off",
        },
    },
);
