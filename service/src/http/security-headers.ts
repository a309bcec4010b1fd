/** Headers that keep a browser from doing with our answers what they are not for. */

import type { FastifyInstance } from "fastify";

/** Pages bring their own scripts and styles as files, call this service alone, and stand in no frame. */
const PAGE_POLICY =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Data is no page: were it shown as one, nothing in it may run. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

const ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
} as const;

export function installSecurityHeaders(server: FastifyInstance): void {
    server.addHook("onSend", (_request, reply, payload, done) => {
        reply.headers(ALWAYS);
        const isPage = String(reply.getHeader("content-type")).startsWith("text/html");
        reply.header("content-security-policy", isPage ? PAGE_POLICY : DATA_POLICY);
        if (!reply.hasHeader("cache-control")) {
            reply.header("cache-control", "no-store");
        }
        done(null, payload);
    });
}
