/** The tools that requests may name: scanned at start, every minute, and when a name is unknown. */

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { badRequest, messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { Rescanned } from "../rescan.js";
import { functionSource, parseTool, secretNames } from "./parse.js";
import { type Limits, LIMITS, runTool } from "./run.js";
import { hideSecrets } from "./secrets.js";
import type { Tool } from "./tool.js";
import { Turns } from "./turns.js";

const TOOL_END = ".tool.txt";
const SECRET_END = ".toolenv.txt";

/** Threads at once: each may take its share of memory, and the model needs the processors. */
const MOST_AT_ONCE = 4;

/** Texts by name, of the files in `folder` that end so. A folder or file that cannot be read is left out. */
async function readTexts(folder: string | undefined, end: string): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    const names = folder === undefined ? [] : await readdir(folder).catch(() => []);
    for (const name of names.filter((found) => found.endsWith(end)).sort()) {
        const text = await readFile(path.join(folder ?? "", name), "utf8").catch(() => undefined);
        if (text !== undefined) {
            texts.set(name.slice(0, -end.length), text);
        }
    }
    return texts;
}

export class ToolCatalog extends Rescanned {
    private tools: readonly Tool[] = [];
    /** JSON by name; undefined for a file that is not JSON. */
    private secrets = new Map<string, unknown>();
    /** What was logged last. */
    private reported = "";
    private readonly turns = new Turns(MOST_AT_ONCE);

    public constructor(
        private readonly toolDir: string | undefined,
        private readonly toolEnvDir: string | undefined,
        private readonly log: Log,
        private readonly limits: Limits = LIMITS,
    ) {
        super();
    }

    /** Scans the folder again before it says that there is no such tool. @throws ServiceError 400 */
    public async choose(names: readonly string[]): Promise<readonly Tool[]> {
        const known = (name: string): boolean => name === "*" || this.tools.some((tool) => tool.name === name);
        if (!names.every(known)) {
            await this.rescan();
        }
        const unknown = names.find((name) => !known(name));
        if (unknown !== undefined) {
            const there = this.tools.map(({ name }) => name).join(", ");
            throw badRequest(`toolServer: unknown tool "${unknown.slice(0, 100)}". ${there === "" ? "There are no tools." : `Available: ${there}.`}`);
        }
        return this.tools.filter(({ name }) => names.includes("*") || names.includes(name));
    }

    /** Never rejects: the model gets the error as the answer. */
    public readonly call = async (tool: Tool, args: unknown, signal: AbortSignal): Promise<string> => {
        const names = secretNames(tool.code);
        const missing = names.find((name) => this.secrets.get(name) === undefined);
        const secrets = Object.fromEntries(names.map((name) => [name, this.secrets.get(name)]));
        const started = performance.now();
        try {
            if (missing !== undefined) {
                throw new Error(`${missing}${SECRET_END} is missing or not JSON`);
            }
            const text = await this.turns.take(signal, async () => runTool({ source: functionSource(tool.code), args, secrets }, signal, this.limits));
            this.log.write("debug", "tools", `${tool.name} took ${Math.round(performance.now() - started)} ms`);
            return hideSecrets(text, secrets);
        } catch (thrown) {
            const why = hideSecrets(messageOf(thrown), secrets);
            this.log.write("warn", "tools", `${tool.name} failed: ${why}`);
            return `The tool ${tool.name} failed: ${why}`;
        }
    };

    protected override async scan(): Promise<void> {
        const faults: string[] = [];
        const secrets = new Map<string, unknown>();
        for (const [name, text] of await readTexts(this.toolEnvDir, SECRET_END)) {
            try {
                secrets.set(name, JSON.parse(text));
            } catch {
                // The parser's message would quote the text, which is a secret.
                faults.push(`${name}${SECRET_END}: is not JSON`);
            }
        }
        const tools: Tool[] = [];
        for (const [name, text] of await readTexts(this.toolDir, TOOL_END)) {
            try {
                tools.push(parseTool(name, text));
            } catch (thrown) {
                faults.push(`${name}${TOOL_END}: ${messageOf(thrown)}`);
            }
        }
        this.secrets = secrets;
        this.tools = tools;
        this.report(faults);
    }

    /** Logs tools and faults when they have changed. */
    private report(faults: readonly string[]): void {
        const summary = `${this.tools.length} tools: ${this.tools.map(({ name }) => name).join(", ") || "none"}`;
        const all = [summary, ...faults].join("\n");
        if (all === this.reported) {
            return;
        }
        this.reported = all;
        this.log.write("info", "tools", summary);
        faults.forEach((fault) => this.log.write("warn", "tools", fault));
    }
}
