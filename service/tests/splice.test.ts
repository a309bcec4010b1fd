/** Grammars within a grammar. */

import { expect, it } from "vitest";
import { splice } from "../src/schema/grammar/splice.js";

it("renames the rules, and leaves texts and sets of characters as they are", () => {
    const whole = splice('root ::= "a" call\ncall ::= "\\"m-0\\"" space', ["m-0"], ['root ::= "root" [root] item{1,2} | other\nitem ::= "\\"item\\"" [^"\\]item] item?\n']);
    expect(whole?.split("\n")).toEqual(['root ::= "a" call', "call ::= m-0-root space", 'm-0-root ::= "root" [root] m-0-item{1,2} | other', 'm-0-item ::= "\\"item\\"" [^"\\]item] m-0-item?']);
});

it("tells constants apart of which one begins like the other, and says where one is missing", () => {
    expect(splice('root ::= "\\"m-1\\"" "\\"m-10\\""', ["m-1", "m-10"], ['root ::= "x"', 'root ::= "y"'])?.split("\n")[0]).toBe("root ::= m-1-root m-10-root");
    expect(splice('root ::= "\\"m-1\\""', ["m-1", "m-2"], ['root ::= "x"', 'root ::= "y"'])).toBeUndefined();
});
