/** Draws texts from a grammar in GBNF, as llama.cpp reads it: its own parser is not used, so that it is checked too. */

type Part =
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "set"; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }
    | { readonly kind: "rule"; readonly name: string }
    | { readonly kind: "choice"; readonly options: readonly (readonly Part[])[] }
    | { readonly kind: "repeat"; readonly part: Part; readonly least: number; readonly most: number };

/** A number in [0, 1), the same ones for the same seed. */
export function randomOf(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

class Parser {
    private at = 0;

    public constructor(private readonly text: string) {}

    public whole(): Part {
        const part = this.choice();
        if (this.at < this.text.length) {
            throw new Error(`not GBNF at ${this.text.slice(this.at, this.at + 40)}`);
        }
        return part;
    }

    private space(): void {
        while (this.text[this.at] === " ") {
            this.at += 1;
        }
    }

    private choice(): Part {
        const options = [this.sequence()];
        while (this.text[this.at] === "|") {
            this.at += 1;
            options.push(this.sequence());
        }
        return { kind: "choice", options };
    }

    private sequence(): Part[] {
        const parts: Part[] = [];
        this.space();
        while (this.at < this.text.length && this.text[this.at] !== "|" && this.text[this.at] !== ")") {
            parts.push(this.repeated(this.part()));
            this.space();
        }
        return parts;
    }

    private repeated(part: Part): Part {
        const rest = this.text.slice(this.at);
        const found = /^(?:\*|\+|\?|\{(\d+)(,(\d*))?\})/.exec(rest);
        if (found === null) {
            return part;
        }
        this.at += found[0].length;
        const least = found[1] === undefined ? (found[0] === "+" ? 1 : 0) : Number(found[1]);
        const most = found[0] === "?" ? 1 : found[1] === undefined ? Infinity : found[2] === undefined ? least : found[3] === "" ? Infinity : Number(found[3]);
        return this.repeated({ kind: "repeat", part, least, most });
    }

    private part(): Part {
        const character = this.text[this.at];
        if (character === '"') {
            this.at += 1;
            let text = "";
            while (this.text[this.at] !== '"') {
                text += String.fromCodePoint(this.point());
            }
            this.at += 1;
            return { kind: "text", text };
        }
        if (character === "[") {
            return this.set();
        }
        if (character === "(") {
            this.at += 1;
            const inner = this.choice();
            if (this.text[this.at] !== ")") {
                throw new Error(`no ) at ${this.text.slice(this.at, this.at + 40)}`);
            }
            this.at += 1;
            return inner;
        }
        const name = /^[A-Za-z0-9-]+/.exec(this.text.slice(this.at))?.[0];
        if (name === undefined) {
            throw new Error(`not GBNF at ${this.text.slice(this.at, this.at + 40)}`);
        }
        this.at += name.length;
        return { kind: "rule", name };
    }

    private set(): Part {
        this.at += 1;
        const negated = this.text[this.at] === "^";
        this.at += negated ? 1 : 0;
        const ranges: [number, number][] = [];
        while (this.text[this.at] !== "]") {
            const first = this.point();
            if (this.text[this.at] === "-" && this.text[this.at + 1] !== "]") {
                this.at += 1;
                ranges.push([first, this.point()]);
            } else {
                ranges.push([first, first]);
            }
        }
        this.at += 1;
        return { kind: "set", negated, ranges };
    }

    private point(): number {
        const [character = ""] = this.text.slice(this.at);
        const point = this.text.codePointAt(this.at) ?? 0;
        if (character !== "\\") {
            this.at += point > 0xffff ? 2 : 1;
            return point;
        }
        const letter = this.text[this.at + 1] ?? "";
        const digits = { x: 2, u: 4, U: 8 }[letter];
        if (digits !== undefined) {
            this.at += 2 + digits;
            return Number.parseInt(this.text.slice(this.at - digits, this.at), 16);
        }
        this.at += 2;
        const known = ({ n: "\n", r: "\r", t: "\t" } as Record<string, string>)[letter] ?? letter;
        return known.codePointAt(0) ?? 0;
    }
}

/** Characters that a set with many is drawn from. */
const USUAL = ["a", "Z", "0", " ", "\u00e9", "\u65e5", "\u{1f600}", "-", "/", "'", "~"].map((character) => character.codePointAt(0) ?? 0);

export class Grammar {
    private readonly rules: Map<string, Part>;
    /** Of each rule the levels that its shortest text takes. */
    private readonly levels = new Map<string, number>();

    public constructor(gbnf: string) {
        this.rules = new Map(
            gbnf
                .trim()
                .split("\n")
                .map((line) => [line.slice(0, line.indexOf(" ")), new Parser(line.slice(line.indexOf("::=") + 3)).whole()]),
        );
        for (let changed = true; changed; ) {
            changed = false;
            for (const [name, part] of this.rules) {
                const level = 1 + this.levelOf(part);
                if (level < (this.levels.get(name) ?? Infinity)) {
                    this.levels.set(name, level);
                    changed = true;
                }
            }
        }
    }

    public draw(random: () => number): string {
        return this.drawn({ kind: "rule", name: "root" }, random, { left: 400 }, 0);
    }

    private levelOf(part: Part): number {
        switch (part.kind) {
            case "rule":
                return this.levels.get(part.name) ?? Infinity;
            case "choice":
                return Math.min(...part.options.map((parts) => Math.max(0, ...parts.map((one) => this.levelOf(one)))));
            case "repeat":
                return part.least === 0 ? 0 : this.levelOf(part.part);
            default:
                return 0;
        }
    }

    private drawn(part: Part, random: () => number, budget: { left: number }, depth: number): string {
        budget.left -= 1;
        const short = budget.left < 0 || depth > 60;
        switch (part.kind) {
            case "text":
                return part.text;
            case "set":
                return String.fromCodePoint(this.character(part, random));
            case "rule": {
                const rule = this.rules.get(part.name);
                if (rule === undefined) {
                    throw new Error(`no rule ${part.name}`);
                }
                return this.drawn(rule, random, budget, depth + 1);
            }
            case "choice": {
                const lowest = this.levelOf(part);
                const options = short ? part.options.filter((parts) => Math.max(0, ...parts.map((one) => this.levelOf(one))) === lowest) : part.options;
                const option = options[Math.floor(random() * options.length)] ?? [];
                return option.map((one) => this.drawn(one, random, budget, depth)).join("");
            }
            case "repeat": {
                const count = short ? part.least : Math.min(part.most, part.least + Math.floor(random() ** 2 * 5));
                return Array.from({ length: count }, () => this.drawn(part.part, random, budget, depth)).join("");
            }
        }
    }

    private character({ negated, ranges }: Extract<Part, { kind: "set" }>, random: () => number): number {
        const isIn = (point: number): boolean => negated !== ranges.some(([first, last]) => first <= point && point <= last);
        if (negated) {
            // Also what should not be there: a control character, a quote, a backslash.
            const points = [...USUAL, 1, 10, 34, 92, 127].filter(isIn);
            return points[Math.floor(random() * points.length)] ?? 0x2603;
        }
        const [first, last] = ranges[Math.floor(random() * ranges.length)] ?? [0, 0];
        const usual = USUAL.filter((point) => first <= point && point <= last);
        return last - first > 1000 && usual.length > 0 ? (usual[Math.floor(random() * usual.length)] ?? first) : first + Math.floor(random() * (last - first + 1));
    }
}
