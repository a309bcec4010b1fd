/** Names of an object's properties that are not listed, as a rule of GBNF. Pure. */

import { literal, oneOf, PLAIN, plainBut } from "./characters.js";

/** Of the listed names; by their characters. */
interface Branch {
    ends: boolean;
    readonly next: Map<string, Branch>;
}

const PLAIN_ONE = oneOf(PLAIN);
const isPlain = (character: string): boolean => PLAIN.some(([first, last]) => first <= (character.codePointAt(0) ?? 0) && (character.codePointAt(0) ?? 0) <= last);

function branchesOf(names: readonly string[]): Branch {
    const root: Branch = { ends: false, next: new Map() };
    // A name with a quote, say, cannot come from plain characters.
    for (const name of names.filter((one) => Array.from(one).every(isPlain))) {
        let branch = root;
        for (const character of name) {
            const next = branch.next.get(character) ?? { ends: false, next: new Map<string, Branch>() };
            branch.next.set(character, next);
            branch = next;
        }
        branch.ends = true;
    }
    return root;
}

function ruleOf({ ends, next }: Branch): string {
    const listed = [...next].map(([character, branch]) => `${literal(character)} ${ruleOf(branch)}`);
    const others = `${plainBut([...next.keys()])} ${PLAIN_ONE}*`;
    return `(${[...listed, others].join(" | ")})${ends ? "" : "?"}`;
}

/** A name in quotes that is none of these, of characters that JSON writes as themselves: so it is none of them in another spelling either. */
export function otherNameRule(names: readonly string[]): string {
    return `"\\"" ${ruleOf(branchesOf(names))} "\\""`;
}
