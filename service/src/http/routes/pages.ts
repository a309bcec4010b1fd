/** The pages: files of src/static/, all read once at the start. No path of a URL reaches the file system. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { FastifyReply, FastifyRequest } from "fastify";
import { answers, textAnswer } from "../answers.js";
import type { Routes } from "../routes.js";

/** Beside distjs/ in the image, and the source itself in tests: as deep from here in both. */
const FOLDER = new URL("../../../src/static/", import.meta.url);

/** A page's content within layout.html, and its title on the page and in the browser's tab. */
interface Page {
    readonly url: string;
    readonly file: string;
    readonly title: string;
}

const PAGES: readonly Page[] = [
    { url: "/", file: "overview.html", title: "Overview" },
    { url: "/chat", file: "chat.html", title: "Chat" },
    { url: "/stat", file: "stat.html", title: "Statistics" },
    { url: "/log/core", file: "log-core.html", title: "Service log" },
    { url: "/log/chat", file: "log-chat.html", title: "Chat log" },
    { url: "/doc", file: "doc.html", title: "API" },
];

/** What pages load, from /static/. Nothing else is served, whatever lies in the folder. */
const ASSETS = [
    "icon.svg",
    "style.css",
    "chat.css",
    "plots.css",
    "log.css",
    "doc.css",
    "theme.js",
    "shell.js",
    "dom.js",
    "api.js",
    "format.js",
    "poll.js",
    "ticks.js",
    "plot.js",
    "history.js",
    "metrics.js",
    "sse.js",
    "prose.js",
    "completion.js",
    "inline.js",
    "transcript.js",
    "conversation.js",
    "chat-memory.js",
    "option-fields.js",
    "schema-editor.js",
    "log-rows.js",
    "log-files.js",
    "openapi.js",
    "call-views.js",
    "overview.js",
    "chat.js",
    "stat.js",
    "log.js",
    "doc.js",
] as const;

const TYPES: Readonly<Record<string, string>> = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
};

/** Only own files, no inline script or style, no markup made from text, and no page in a frame. */
const POLICY = [
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
].join("; ");

const HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    // Browsers keep pages but ask again with the ETag, so that a new image shows its own pages at once.
    "cache-control": "no-cache",
} as const;

interface StaticFile {
    readonly type: string;
    readonly etag: string;
    readonly content: Buffer;
}

function staticFile(name: string, content: Buffer): StaticFile {
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    return { type: TYPES[path.extname(name)] ?? "application/octet-stream", etag, content };
}

const read = (name: string): Buffer => readFileSync(new URL(name, FOLDER));

/** layout.html with a page's title and content, and its link in the navigation marked. */
function compose(layout: string, { url, file, title }: Page): StaticFile {
    const html = layout
        .replace("<!--main-->", () => read(file).toString().trimEnd())
        .replaceAll("<!--title-->", () => title)
        .replace(`<a href="${url}"`, (link) => `${link} aria-current="page"`);
    return staticFile(file, Buffer.from(html));
}

/** In the OpenAPI document: /log/chat is a page and a call. */
function pageSchema({ title }: Page): object {
    return { tags: ["page"], summary: title, response: answers(textAnswer("A page", "text/html"), [500]) };
}

/** @param header If-None-Match: `*`, or a list of tags, weak ones too */
export function isFresh(header: string | undefined, etag: string): boolean {
    const tags = header?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
    return tags.includes("*") || tags.includes(etag);
}

export const pageRoutes: Routes = (server) => {
    const serve = (url: string, { type, etag, content }: StaticFile, schema: object): void => {
        server.get(url, { config: { open: true }, schema }, (request: FastifyRequest, reply: FastifyReply) => {
            reply.headers({ ...HEADERS, etag });
            return isFresh(request.headers["if-none-match"], etag) ? reply.code(304).send() : reply.type(type).send(content);
        });
    };
    const layout = read("layout.html").toString();
    PAGES.forEach((page) => serve(page.url, compose(layout, page), pageSchema(page)));
    ASSETS.forEach((name) => serve(`/static/${name}`, staticFile(name, read(name)), { hide: true }));
};
