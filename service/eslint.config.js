import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const STRICT = [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked];

/** @type {import("eslint").Linter.RulesRecord} */
const RULES = {
    // A number in a message is what a reader expects to see.
    "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
};

/**
 * The rules for plain JavaScript: no build step, types in comments.
 * @param {object} where
 * @param {string} where.folder of the tsconfig; absolute
 * @param {string} where.project the tsconfig's name: it sets `checkJs` and includes the files
 * @param {string[]} where.files patterns
 */
export function plainModules({ folder, project, files }) {
    return { files, extends: STRICT, languageOptions: { parserOptions: { project, tsconfigRootDir: folder } }, rules: RULES };
}

const folder = import.meta.dirname;
const PAGES = ["src/static/**/*.js", "tests/static/**/*.js"];

export default defineConfig(
    // The fake engine speaks the protocol without knowing its types, on purpose.
    { ignores: ["distjs*/", "node_modules/", "tests/fake-engine.mjs"] },
    {
        files: ["**/*.ts"],
        extends: STRICT,
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: folder } },
        rules: {
            ...RULES,
            // `import { type X }` would still load the module, and node-llama-cpp is loaded late.
            "@typescript-eslint/no-import-type-side-effects": "error",
            "no-restricted-properties": ["error", { object: "AbortSignal", property: "any", message: "It keeps memory while the oldest signal lives: use withAnyOf of schedule/abort.ts." }],
        },
    },
    plainModules({ folder, project: "tsconfig.modules.json", files: ["*.js", "**/*.mjs"] }),
    plainModules({ folder, project: "tsconfig.static.json", files: PAGES }),
    {
        // Answers of the API come as JSON: their types are the OpenAPI document's.
        files: PAGES,
        rules: {
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true, allowAny: true }],
            "@typescript-eslint/no-unsafe-assignment": "off",
            "@typescript-eslint/no-unsafe-member-access": "off",
            "@typescript-eslint/no-unsafe-argument": "off",
            "@typescript-eslint/no-unsafe-call": "off",
            "@typescript-eslint/no-unsafe-return": "off",
            "@typescript-eslint/no-explicit-any": "off",
        },
    },
);
