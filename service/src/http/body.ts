/** Reads the bodies of requests: JSON, whatever a client calls it. */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { badRequest, ServiceError } from "../errors.js";

/** Beyond these a body takes seconds to read, in one turn of the event loop: one of 16 MiB has room for 8 million values. */
export const BODY_LIMITS = { values: 250_000, depth: 512 } as const;

/** The last two are what curl and `fetch` call a body whose type nobody named. */
const TYPES = /^(?:application\/(?:[\w.-]+\+)?json|application\/x-www-form-urlencoded|text\/plain)\b/i;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACKET, BRACE_END, BRACKET_END] = [0x7b, 0x5b, 0x7d, 0x5d];

/** The quote that ends a text. @param from its first byte */
function endOfText(body: Buffer, from: number): number {
    for (let end = body.indexOf(QUOTE, from); end !== -1; end = body.indexOf(QUOTE, end + 1)) {
        let before = end - 1;
        while (before >= from && body[before] === BACKSLASH) {
            before -= 1;
        }
        if ((end - before) % 2 === 1) {
            return end;
        }
    }
    return body.length;
}

/** "" or why JSON is not read. Does not say whether it is JSON. */
export function sizeFault(body: Buffer): string {
    let values = 0;
    let depth = 0;
    for (let at = 0; at < body.length; at += 1) {
        switch (body[at]) {
            case QUOTE:
                at = endOfText(body, at + 1);
                break;
            case BRACE:
            case BRACKET:
                depth += 1;
                values += 1;
                break;
            case BRACE_END:
            case BRACKET_END:
                depth -= 1;
                break;
            case COMMA:
            case COLON:
                values += 1;
                break;
        }
        if (depth > BODY_LIMITS.depth) {
            return `The body is nested too deep: more than ${BODY_LIMITS.depth} levels.`;
        }
        if (values > BODY_LIMITS.values) {
            return `The body is too large: more than ${BODY_LIMITS.values} values.`;
        }
    }
    return "";
}

export function installBodies(server: FastifyInstance): void {
    const parse = server.getDefaultJsonParser("error", "ignore");
    const read = (request: FastifyRequest, body: Buffer, done: (fault: Error | null, value?: unknown) => void): void => {
        const fault = sizeFault(body);
        if (fault === "") {
            void parse(request, body.toString(), done);
        } else {
            done(badRequest(fault));
        }
    };
    server.removeAllContentTypeParsers();
    server.addContentTypeParser(TYPES, { parseAs: "buffer" }, read);
    server.addContentTypeParser("*", { parseAs: "buffer" }, (request: FastifyRequest, body: Buffer, done) => {
        const type = request.headers["content-type"] ?? "";
        if (type === "") {
            read(request, body, done);
        } else {
            done(new ServiceError(400, `Bodies are read as JSON, not as ${type.slice(0, 100)}: send Content-Type: application/json.`));
        }
    });
}
