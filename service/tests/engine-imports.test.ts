/** The service's own process stays small: the native part and its library are loaded in the engine's process only. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** What a module loads when it runs: no types, but also what it imports late. */
function importsOf(file: string): string[] {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
        if (ts.isImportDeclaration(node) && node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword && ts.isStringLiteral(node.moduleSpecifier)) {
            found.push(node.moduleSpecifier.text);
        } else if (ts.isExportDeclaration(node) && !node.isTypeOnly && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
            found.push(node.moduleSpecifier.text);
        } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
            const [named] = node.arguments;
            found.push(named !== undefined && ts.isStringLiteral(named) ? named.text : "unknown");
        }
        ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
}

/** All modules that a program loads, its own by their paths below src. */
function modulesOf(entry: string): Set<string> {
    const seen = new Set<string>();
    const visit = (relative: string): void => {
        if (seen.has(relative)) {
            return;
        }
        seen.add(relative);
        for (const named of importsOf(path.join(SOURCE, relative))) {
            if (named.startsWith(".")) {
                visit(path.join(path.dirname(relative), named).replace(/\.js$/, ".ts"));
            } else {
                seen.add(named);
            }
        }
    };
    visit(entry);
    return seen;
}

describe("the service's process", () => {
    it("never loads node-llama-cpp, nor what uses it", () => {
        const modules = modulesOf("index.ts");
        expect(modules).toContain("fastify");
        expect(modules).toContain("engine-process/engine-process.ts");
        expect([...modules].filter((name) => name === "node-llama-cpp" || name === "engine/llama-engine.ts" || name === "engine/library.ts")).toEqual([]);
    });
});

describe("the engine's process", () => {
    it("loads node-llama-cpp, and neither the HTTP server nor the database", () => {
        const modules = modulesOf("engine-process/child.ts");
        expect(modules).toContain("node-llama-cpp");
        expect([...modules].filter((name) => name === "fastify" || name === "node:sqlite" || /^(?:http|store|openai|tools)\//.test(name))).toEqual([]);
    });
});
