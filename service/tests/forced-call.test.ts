import { describe, expect, it } from "vitest";
import { CallReader } from "../src/engine/forced-call.js";

const ARGUMENTS = '{"a": "x}\\\\\\"]{", "b": [{"c": 1}, "\\\\"] }';

function read(pieces: readonly string[]): { told: string; reader: CallReader } {
    const reader = new CallReader();
    return { told: pieces.map((piece) => reader.read(piece) ?? "").join(""), reader };
}

describe("a demanded call", () => {
    const text = `{ "name": "add \\"it\\"",\n "arguments":${ARGUMENTS} }`;

    it("is read as it is written, however it is cut", () => {
        expect(JSON.parse(text)).toMatchObject({ arguments: { b: [{ c: 1 }, "\\"] } });
        for (let at = 0; at <= text.length; at++) {
            const { told, reader } = read([text.slice(0, at), text.slice(at)]);
            expect(told.trimEnd()).toBe(ARGUMENTS);
            expect(reader.call).toMatchObject({ name: 'add "it"', arguments: ARGUMENTS });
        }
        expect(read(Array.from({ length: text.length }, (_, at) => text.charAt(at))).reader.call?.arguments).toBe(ARGUMENTS);
    });

    it("that was cut has the arguments that there are, and none before its name is known", () => {
        expect(read(['{"name": "add", "arguments": {"a": "x}']).reader.call).toMatchObject({ name: "add", arguments: '{"a": "x}' });
        expect(read(['{"name": "ad']).reader.call).toBeUndefined();
    });

    it("may have arguments that are no object", () => {
        expect(read(['{"name": "add", "arguments": 12}']).reader.call?.arguments).toBe("12");
        expect(read(['{"name": "add", "arguments": "}" }']).reader.call?.arguments).toBe('"}"');
    });
});
