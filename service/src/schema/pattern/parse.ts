/** Reads a regular expression of ECMA-262 (as JSON Schema's `pattern` has them, in Unicode mode) into a tree. */

import { type Quantifier, quantifierAt } from "./quantifier.js";
import { CLASSES, code, CONTROLS, LINE_END, rangeOf } from "./classes.js";
import { inverted, joined, type Pattern, PatternFault, type Range } from "./tree.js";

const MOST_NESTED = 40;
/** Of a group, with < and >. */
const LONGEST_NAME = 100;

class Reader {
    private readonly characters: readonly string[];
    private at = 0;
    private depth = 0;
    public constructor(text: string) {
        this.characters = Array.from(text);
    }

    /** @throws PatternFault */
    public whole(): Pattern {
        const pattern = this.choice();
        if (this.at < this.characters.length) {
            throw new PatternFault("there is a ) without its (");
        }
        return pattern;
    }

    private get next(): string | undefined {
        return this.characters[this.at];
    }

    private take(text: string): boolean {
        const letters = Array.from(text);
        const found = letters.every((character, index) => this.characters[this.at + index] === character);
        this.at += found ? letters.length : 0;
        return found;
    }

    private choice(): Pattern {
        const options = [this.sequence()];
        while (this.take("|")) {
            options.push(this.sequence());
        }
        return options.length === 1 && options[0] !== undefined ? options[0] : { kind: "choice", options };
    }

    private sequence(): Pattern {
        const items: Pattern[] = [];
        while (this.next !== undefined && this.next !== "|" && this.next !== ")") {
            items.push(this.repeated(this.item()));
        }
        return items.length === 1 && items[0] !== undefined ? items[0] : { kind: "sequence", items };
    }

    private item(): Pattern {
        const character = this.next ?? "";
        if (this.take("(")) {
            return this.group();
        }
        if (this.take("[")) {
            return this.set();
        }
        if (this.take("^")) {
            return { kind: "start" };
        }
        if (this.take("$")) {
            return { kind: "end" };
        }
        if (this.take(".")) {
            return { kind: "set", ranges: inverted(LINE_END) };
        }
        if (this.take("\\")) {
            return this.escape();
        }
        if ("*+?{".includes(character)) {
            throw new PatternFault(`there is nothing that "${character}" repeats`);
        }
        this.at += 1;
        return { kind: "set", ranges: [[code(character), code(character)]] };
    }

    private group(): Pattern {
        if (this.take("?=") || this.take("?!")) {
            const not = this.characters[this.at - 1] === "!";
            return { kind: "ahead", item: this.inside(), not };
        }
        if (this.take("?")) {
            const named = /^<[A-Za-z_$][\w$]*>/u.exec(this.characters.slice(this.at, this.at + LONGEST_NAME).join(""));
            if (named !== null) {
                this.at += named[0].length;
            } else if (!this.take(":")) {
                throw new PatternFault("it looks behind or sets flags inside of itself, which a linear-time engine cannot do");
            }
        }
        return this.inside();
    }

    /** Up to the closing parenthesis. */
    private inside(): Pattern {
        this.depth += 1;
        if (this.depth > MOST_NESTED) {
            throw new PatternFault(`its groups are nested deeper than ${MOST_NESTED}`);
        }
        const inner = this.choice();
        this.depth -= 1;
        if (!this.take(")")) {
            throw new PatternFault("there is a ( without its )");
        }
        return inner;
    }

    private repeated(item: Pattern): Pattern {
        const counts = this.counts();
        if (counts === undefined) {
            return item;
        }
        if (!["set", "property", "sequence", "choice", "repeat"].includes(item.kind)) {
            throw new PatternFault("an anchor cannot be repeated");
        }
        // Lazy or not, the same texts match.
        this.take("?");
        if (this.next !== undefined && "*+?".includes(this.next)) {
            throw new PatternFault(`there is nothing that "${this.next}" repeats`);
        }
        return { kind: "repeat", item, least: counts.least, most: counts.most };
    }

    private counts(): Quantifier | undefined {
        const found = quantifierAt(this.characters.slice(this.at, this.at + 24).join(""));
        this.at += found?.length ?? 0;
        return found;
    }

    /** After the backslash, outside of a set. */
    private escape(): Pattern {
        const character = this.next;
        if (character === "b" || character === "B") {
            this.at += 1;
            return { kind: character === "b" ? "boundary" : "no-boundary" };
        }
        if (character !== undefined && /[1-9k]/.test(character)) {
            throw new PatternFault("it refers back to a group, which a linear-time engine cannot do");
        }
        if (character === "p" || character === "P") {
            return { kind: "property", text: this.property() };
        }
        return { kind: "set", ranges: this.escaped() };
    }

    private property(): string {
        const found = /^[pP]\{(?:(?:gc|General_Category|sc|Script)=)?([A-Za-z_]{1,40})\}/.exec(this.characters.slice(this.at, this.at + 64).join(""));
        if (found === null) {
            throw new PatternFault("there is a \\p without {Name}");
        }
        this.at += found[0].length;
        return `\\${found[0].slice(0, 1)}{${found[1]}}`;
    }

    /** A class or one character. */
    private escaped(): Range[] {
        const character = this.next;
        if (character === undefined) {
            throw new PatternFault("it ends with a backslash");
        }
        this.at += 1;
        const known = CLASSES[character];
        if (known !== undefined) {
            return known;
        }
        const point = this.point(character);
        return [[point, point]];
    }

    private point(character: string): number {
        const control = CONTROLS[character];
        if (control !== undefined) {
            return control;
        }
        const rest = this.characters.slice(this.at, this.at + 12).join("");
        const hex = (character === "x" ? /^([0-9a-f]{2})/i : character === "u" ? /^(?:\{([0-9a-f]{1,6})\}|([0-9a-f]{4}))/i : null)?.exec(rest);
        if (hex !== undefined && hex !== null) {
            this.at += hex[0].length;
            return this.pairOr(Number.parseInt(hex[1] ?? hex[2] ?? "", 16));
        }
        if (character === "c" && /^[A-Za-z]/.test(rest)) {
            this.at += 1;
            return code(rest) % 32;
        }
        if (/[A-Za-z0-9]/.test(character)) {
            throw new PatternFault(`\\${character} is not known`);
        }
        return code(character);
    }

    /** `\ud83d\ude00` is one character. */
    private pairOr(point: number): number {
        if (point < 0xd800 || point > 0xdbff) {
            return point;
        }
        const low = /^\\u(d[c-f][0-9a-f]{2})/i.exec(this.characters.slice(this.at, this.at + 6).join(""));
        if (low === null) {
            return point;
        }
        this.at += 6;
        return 0x10000 + (point - 0xd800) * 0x400 + (Number.parseInt(low[1] ?? "", 16) - 0xdc00);
    }

    /** After `[`. */
    private set(): Pattern {
        const negated = this.take("^");
        const ranges: Range[] = [];
        while (!this.take("]")) {
            if (this.next === undefined) {
                throw new PatternFault("there is a [ without its ]");
            }
            const first = this.member();
            if (this.next === "-" && this.characters[this.at + 1] !== "]" && this.characters[this.at + 1] !== undefined) {
                this.at += 1;
                const range = rangeOf(first, this.member());
                if (range === undefined) {
                    throw new PatternFault("a range in [ ] is out of order");
                }
                ranges.push(range);
            } else {
                ranges.push(...first);
            }
        }
        return { kind: "set", ranges: negated ? inverted(ranges) : joined(ranges) };
    }

    private member(): Range[] {
        if (this.take("\\")) {
            if (this.take("b")) {
                return [[8, 8]];
            }
            if (this.next === "p" || this.next === "P") {
                throw new PatternFault("a Unicode property inside of [ ] is not supported");
            }
            return this.escaped();
        }
        const point = code(this.next ?? "");
        this.at += 1;
        return [[point, point]];
    }
}

/** @throws PatternFault with what is wrong or not supported */
export function parsePattern(text: string): Pattern {
    return new Reader(text).whole();
}
