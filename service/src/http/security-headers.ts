/** Headers that keep a browser from doing with our answers what they are not for. */

import type { FastifyInstance } from "fastify";

/** Of whatever does not bring its own, as pages do: data is no page, and were it shown as one, nothing in it may run. */
const HEADERS = Object.entries({
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
});

export function installSecurityHeaders(server: FastifyInstance): void {
    server.addHook("onSend", (_request, reply, payload, done) => {
        for (const [name, value] of HEADERS) {
            if (!reply.hasHeader(name)) {
                reply.header(name, value);
            }
        }
        done(null, payload);
    });
}
