/** Draws JSON Schemas of what the service's grammars keep to. Some leave no value: those are refused. */

const FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"];
const NAMES = ["a", "b", "name", "names", "\u00e9", "with space", "]", "^", "-", "\\", "$ref", "value", "string", "additional-k", "a-rest", "1"];
const PATTERNS = ["^[a-z]+$", "^\\d{2,4}$", "a|b", "^(x|y)?z$", "^[^,]*$", "^\\w+@\\w+\\.com$", ".", "^(ab){1,3}c*$", "[\\s\\S]", "^\\u00e9\\x41\\/$", "^[\\]\\-\\\\^]+$", "^$", "^[0-9A-F]{2}(:[0-9A-F]{2}){5}$"];
const VALUES: readonly unknown[] = ["x", "y", "\u0007", "\u65e5\u672c", 1, -2.5, 0, true, null, { a: [1] }, [], "1", 1e21];

export class SchemaSource {
    /** Definitions that may be referred to. */
    private readonly names: string[];
    private left = 30;

    public constructor(private readonly random: () => number) {
        this.names = Array.from({ length: this.below(4) }, (_, index) => ["D", "d-1", "d_1", "\u00c4"][index] ?? "");
    }

    public whole(): object {
        const root = this.schema(0);
        const definitions = Object.fromEntries(this.names.map((name) => [name, this.schema(1)]));
        return typeof root === "object" ? { ...root, ...(this.names.length === 0 ? {} : { $defs: definitions }) } : {};
    }

    private below(count: number): number {
        return Math.floor(this.random() * count);
    }

    private one<T>(list: readonly T[]): T {
        return list[this.below(list.length)] as T;
    }

    private some<T>(list: readonly T[], most: number): T[] {
        return [...new Set(Array.from({ length: this.below(most + 1) }, () => this.one(list)))];
    }

    private perhaps(chance: number, part: () => object): object {
        return this.random() < chance ? part() : {};
    }

    private schema(depth: number): object | boolean {
        this.left -= 1;
        if (depth > 4 || this.left < 0) {
            return { type: this.one(["string", "integer", "boolean", "null"]) };
        }
        const inner = (): object | boolean => this.schema(depth + 1);
        switch (this.below(16)) {
            case 0:
                return this.random() < 0.7 ? {} : this.random() < 0.8;
            case 1:
                return { enum: this.some(VALUES, 4).concat(["x"]) };
            case 2:
                return { const: this.one(VALUES) };
            case 3:
                return { anyOf: Array.from({ length: 1 + this.below(3) }, inner), ...this.perhaps(0.3, () => this.typed(depth)) };
            case 4:
                return { allOf: Array.from({ length: 1 + this.below(2) }, inner), ...this.perhaps(0.5, () => this.typed(depth)) };
            case 5:
            case 6:
                return this.names.length === 0 ? this.typed(depth) : { $ref: `#/$defs/${this.one(this.names)}`, ...this.perhaps(0.3, () => this.typed(depth)) };
            case 7:
                return { type: this.some(["string", "null", "integer", "boolean", "number", "array", "object"], 3).concat(["string"]).filter((type, index, all) => all.indexOf(type) === index) };
            default:
                return this.typed(depth);
        }
    }

    private typed(depth: number): object {
        switch (this.below(8)) {
            case 0:
                return this.text();
            case 1:
            case 2:
                return this.number();
            case 3:
                return this.array(depth);
            case 4:
                return { type: this.one(["boolean", "null"]) };
            default:
                return this.object(depth);
        }
    }

    private text(): object {
        switch (this.below(4)) {
            case 0:
                return { type: "string", pattern: this.one(PATTERNS) };
            case 1:
                return { type: "string", format: this.one(FORMATS) };
            case 2: {
                const least = this.below(4);
                return { type: "string", minLength: least, maxLength: least + this.below(4) };
            }
            default:
                return { type: "string" };
        }
    }

    private bound(): number {
        return this.random() < 0.5 ? this.below(2000) - 1000 : Math.round((this.random() * 20 - 10) * 1000) / 1000;
    }

    private number(): object {
        const [a, b] = [this.bound(), this.bound()];
        return {
            type: this.one(["integer", "number"]),
            ...this.perhaps(0.5, () => ({ [this.one(["minimum", "exclusiveMinimum"])]: Math.min(a, b) })),
            ...this.perhaps(0.5, () => ({ [this.one(["maximum", "exclusiveMaximum"])]: Math.max(a, b) })),
        };
    }

    private array(depth: number): object {
        const least = this.below(3);
        return {
            type: "array",
            ...this.perhaps(0.8, () => ({ items: this.schema(depth + 1) })),
            ...this.perhaps(0.3, () => ({ prefixItems: Array.from({ length: 1 + this.below(3) }, () => this.schema(depth + 1)) })),
            ...this.perhaps(0.5, () => ({ minItems: least })),
            ...this.perhaps(0.5, () => ({ maxItems: least + this.below(3) })),
        };
    }

    private object(depth: number): object {
        const names = this.some(NAMES, 5);
        return {
            type: "object",
            properties: Object.fromEntries(names.map((name) => [name, this.schema(depth + 1)])),
            required: this.some([...names, ...NAMES.slice(0, 2)], 3),
            ...this.perhaps(0.5, () => ({ additionalProperties: this.random() < 0.4 ? false : this.schema(depth + 1) })),
        };
    }
}
