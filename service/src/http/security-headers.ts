/** Headers that stop a browser from misusing answers. */

import type { FastifyInstance } from "fastify";

/** For answers without headers of their own, which pages have: if a browser shows data as a page, nothing in it may run. */
const HEADERS = Object.entries({
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
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
