/** Puts grammars (GBNF) into another one, in the place of constants that stand for them. Pure. */

/** A text, a set of characters, or a word, which may be the name of a rule. */
const PIECE = /"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z0-9-]+/g;

/** The rules with other names; the first one's is `prefix` and `root`. */
function renamed(gbnf: string, prefix: string): string {
    const rules = gbnf.trimEnd().split("\n").map((line) => {
        const at = line.indexOf(" ::= ");
        return { name: line.slice(0, at), rule: line.slice(at + 5) };
    });
    const names = new Set(rules.map(({ name }) => name));
    return rules.map(({ name, rule }) => `${prefix}${name} ::= ${rule.replace(PIECE, (piece) => (names.has(piece) ? `${prefix}${piece}` : piece))}`).join("\n");
}

/**
 * @param constants JSON strings in `gbnf`, without quotes: letters, digits and hyphens
 * @param grammars one for each of them; their first rule is `root`
 * @returns undefined where a constant is not there
 */
export function splice(gbnf: string, constants: readonly string[], grammars: readonly string[]): string | undefined {
    let whole = gbnf.trimEnd();
    for (const [index, constant] of constants.entries()) {
        const text = `"\\"${constant}\\""`;
        if (!whole.includes(text)) {
            return undefined;
        }
        const prefix = `${constant}-`;
        whole = `${whole.replaceAll(text, `${prefix}root`)}\n${renamed(grammars[index] ?? "", prefix)}`;
    }
    return whole;
}
