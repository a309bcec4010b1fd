/** The tools that requests may name: scanned at start, every minute, and when a name is unknown. */

import { messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { Rescanned } from "../rescan.js";
import { type Access, NO_FILES, ungranted } from "./access.js";
import { readTexts } from "./files.js";
import { functionSource, parseTool, secretNames } from "./parse.js";
import { type Limits, LIMITS, runTool } from "./run.js";
import { hideSecrets } from "./secrets.js";
import type { Tool } from "./tool.js";
import { Turns } from "./turns.js";

const TOOL_END = ".tool.txt";
const SECRET_END = ".toolenv.txt";

/** Threads at once: each may take its share of memory, and the model needs the processors. */
const MOST_AT_ONCE = 4;

/** Requests name tools with or without the ending and in any case. */
function plain(name: string): string {
    const lower = name.toLowerCase();
    return lower.endsWith(TOOL_END) ? lower.slice(0, -TOOL_END.length) : lower;
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
        private readonly access: Access = NO_FILES,
        private readonly limits: Limits = LIMITS,
    ) {
        super();
    }

    /** Scans the folder again before it leaves out an unknown name, as version 1.1.3 does; the log tells. */
    public async choose(names: readonly string[]): Promise<readonly Tool[]> {
        if (this.unknown(names).length > 0) {
            await this.rescan();
        }
        const unknown = this.unknown(names);
        if (unknown.length > 0) {
            const there = this.tools.map(({ file }) => file).join(", ");
            const shown = unknown.slice(0, 10).map((name) => `"${name.slice(0, 100)}"`).join(", ");
            this.log.write("warn", "tools", `a request names unknown tools, which are left out: ${shown}. Available: ${there === "" ? "none" : there}`);
        }
        const wanted = new Set(names.map(plain));
        return this.tools.filter((tool) => wanted.has("*") || wanted.has(plain(tool.file)) || wanted.has(plain(tool.name)));
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
            const call = { source: functionSource(tool.code), args, secrets, access: this.access };
            const text = await this.turns.take(signal, async () => runTool(call, signal, this.limits));
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
        const secretTexts = await readTexts(this.toolEnvDir, SECRET_END);
        for (const [name, text] of secretTexts.texts) {
            try {
                secrets.set(name, JSON.parse(text));
            } catch {
                // The parser's message would quote the text, which is a secret.
                faults.push(`${name}${SECRET_END}: is not JSON`);
            }
        }
        const tools: Tool[] = [];
        const toolTexts = await readTexts(this.toolDir, TOOL_END);
        for (const [name, text] of toolTexts.texts) {
            try {
                const tool = parseTool(name, text);
                const namesake = tools.find((other) => other.name === tool.name);
                if (namesake !== undefined) {
                    throw new Error(`is left out: models would call it ${tool.name}, like ${namesake.file}${TOOL_END}`);
                }
                tools.push(tool);
                faults.push(...ungranted(tool.code, this.access).map((fault) => `${name}${TOOL_END}: ${fault}`));
            } catch (thrown) {
                faults.push(`${name}${TOOL_END}: ${messageOf(thrown)}`);
            }
        }
        this.secrets = secrets;
        this.tools = tools;
        this.report([...secretTexts.faults, ...toolTexts.faults, ...faults]);
    }

    private unknown(names: readonly string[]): string[] {
        const known = new Set(["*", ...this.tools.flatMap(({ name, file }) => [plain(name), plain(file)])]);
        return names.filter((name) => !known.has(plain(name)));
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
