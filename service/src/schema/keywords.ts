/** What is done with each keyword of JSON Schema where a schema constrains what is generated. docs/json-schema.md is this table. */

export type Use =
    /** What is generated cannot break it. */
    | "grammar"
    /** The answer is checked before it is sent; one that breaks it is an error, never an answer. */
    | "checked"
    /** 400. */
    | "refused"
    /** Says nothing of what is valid. */
    | "ignored";

export interface Keyword {
    readonly use: Use;
    readonly note?: string;
}

const grammar = (note?: string): Keyword => ({ use: "grammar", ...(note === undefined ? {} : { note }) });
const checked = (note?: string): Keyword => ({ use: "checked", ...(note === undefined ? {} : { note }) });
const refused = (note?: string): Keyword => ({ use: "refused", ...(note === undefined ? {} : { note }) });
const ignored = (note?: string): Keyword => ({ use: "ignored", ...(note === undefined ? {} : { note }) });

export const KEYWORDS: Readonly<Record<string, Keyword>> = {
    type: grammar("one type or a list"),
    enum: grammar("any JSON values"),
    const: grammar("any JSON value"),
    nullable: grammar("OpenAPI's, beside `type`"),
    anyOf: grammar(),
    oneOf: grammar("that only one holds is checked"),
    allOf: grammar("combined into one schema"),
    $ref: grammar("`#` and `#/...`, also recursive; not to another document, an `$id` or an `$anchor`"),
    $defs: grammar(),
    definitions: grammar(),
    properties: grammar("optional ones may be left out"),
    required: grammar(),
    additionalProperties: grammar("where it is absent, only listed properties are generated"),
    propertyNames: grammar("`enum` and `const`; others are checked"),
    minProperties: checked(),
    maxProperties: checked(),
    items: grammar(),
    prefixItems: grammar("up to as many items as it lists, or `minItems`"),
    additionalItems: grammar("of drafts before 2020-12"),
    minItems: grammar("up to 1000"),
    maxItems: grammar("up to 1000; more is checked"),
    uniqueItems: checked(),
    minLength: grammar("up to 1000; beside `pattern` where it repeats one character at one place, else checked"),
    maxLength: grammar("as `minLength`; more than 1000 is checked"),
    pattern: grammar("see below"),
    format: grammar("those below, others are refused; beside `pattern`, `minLength` or `maxLength` checked"),
    minimum: grammar(),
    maximum: grammar(),
    exclusiveMinimum: grammar(),
    exclusiveMaximum: grammar(),
    multipleOf: checked(),
    unevaluatedProperties: grammar("`true` and `false`"),
    unevaluatedItems: grammar("`true` and `false`"),
    not: refused(),
    if: refused(),
    then: ignored("only with `if`"),
    else: ignored("only with `if`"),
    contains: refused(),
    minContains: ignored("only with `contains`"),
    maxContains: ignored("only with `contains`"),
    patternProperties: refused(),
    dependentRequired: refused(),
    dependentSchemas: refused(),
    dependencies: refused(),
    $dynamicRef: refused(),
    $recursiveRef: refused(),
    $id: ignored("at the root; refused below it"),
    $schema: ignored("chooses draft 2020-12, 2019-09 or 7; others are refused"),
    $anchor: ignored(),
    $dynamicAnchor: ignored(),
    $recursiveAnchor: ignored(),
    $vocabulary: ignored(),
    $comment: ignored(),
    $async: refused(),
    title: ignored(),
    description: ignored(),
    default: ignored(),
    examples: ignored(),
    deprecated: ignored(),
    readOnly: ignored(),
    writeOnly: ignored(),
    contentEncoding: ignored(),
    contentMediaType: ignored(),
    contentSchema: ignored(),
    discriminator: ignored("OpenAPI's"),
};

/** Refused wherever they stand with a value that constrains. */
export const REFUSED: readonly string[] = Object.keys(KEYWORDS).filter((name) => KEYWORDS[name]?.use === "refused");
