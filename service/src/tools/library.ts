/**
 * What a tool sees as LIB; JavaScript in a text, since QuickJS runs it and not Node.
 *
 * It runs before the tool's code and keeps what it needs of JavaScript's own functions, so that a tool which changes
 * them harms nobody but itself. To the host it gives texts and numbers only, and gets texts back.
 *
 * An expression: a function of `ask(name, json)`, `begin(id, name, json)` and `finish(fault, text)` that gives
 * `{ settle(id, json), run(tool, args, secrets) }`. The answer of `ask` and `settle`'s json is {value} or {fault}.
 */
export const LIBRARY = String.raw`
(function (ask, begin, finish, mostCharacters) {
    "use strict";
    const { stringify, parse } = JSON;
    const { freeze, assign, fromEntries } = Object;
    const unbound = (method) => Function.prototype.call.bind(method);
    const slice = unbound(String.prototype.slice);
    const waiting = new Map();
    const [take, put, drop] = ["get", "set", "delete"].map((name) => unbound(Map.prototype[name]));
    let last = 0;

    const opened = (json) => {
        const { fault, value } = parse(json);
        if (fault !== undefined) {
            throw new Error(fault);
        }
        return value;
    };
    const now = (name, ...given) => opened(ask(name, stringify(given)));
    const later = (name, ...given) => new Promise((resolve, reject) => {
        last += 1;
        put(waiting, last, { resolve, reject });
        begin(last, name, stringify(given));
    });

    /** A name that is not there says so: what it would be in Node may be expected. */
    const known = (name, members) => new Proxy(freeze(members), {
        get(target, key) {
            if (typeof key === "symbol" || key in target || key === "then" || key === "toJSON") {
                return target[key];
            }
            throw new Error(name + "." + key + " is not there");
        },
    });

    // Bytes travel as a text with one character a byte.
    const fromBytes = (bytes) => {
        let text = "";
        for (let at = 0; at < bytes.length; at += 8192) {
            text += String.fromCharCode.apply(undefined, bytes.subarray(at, at + 8192));
        }
        return text;
    };
    const recode = (text, from, to) => from === to ? text : now("recode", text, from, to);
    class Buffer extends Uint8Array {
        static from(value, encoding = "utf8") {
            if (typeof value !== "string") {
                return super.from(value instanceof ArrayBuffer ? new Uint8Array(value) : value);
            }
            const bytes = recode(value, encoding, "latin1");
            const made = new Buffer(bytes.length);
            for (let at = 0; at < bytes.length; at += 1) {
                made[at] = bytes.charCodeAt(at);
            }
            return made;
        }
        static alloc(size, fill = 0) {
            return new Buffer(size).fill(fill);
        }
        static concat(list) {
            const made = new Buffer(list.reduce((sum, one) => sum + one.length, 0));
            list.reduce((at, one) => (made.set(one, at), at + one.length), 0);
            return made;
        }
        static isBuffer(value) {
            return value instanceof Buffer;
        }
        static byteLength(value, encoding = "utf8") {
            return typeof value === "string" ? Buffer.from(value, encoding).length : value.byteLength;
        }
        toString(encoding = "utf8") {
            return recode(fromBytes(this), "latin1", encoding);
        }
        toJSON() {
            return { type: "Buffer", data: Array.from(this) };
        }
        equals(other) {
            return this.length === other.length && this.every((byte, at) => byte === other[at]);
        }
    }
    const bytesOf = (value, encoding) => fromBytes(Buffer.from(value, encoding));

    const digester = (call, ...given) => {
        let bytes = "";
        const self = {
            update(value, encoding) {
                bytes += bytesOf(value, encoding);
                return self;
            },
            digest: (encoding) => encoding === undefined ? Buffer.from(now(call, ...given, bytes, "latin1"), "latin1") : now(call, ...given, bytes, encoding),
        };
        return self;
    };

    const paths = ["join", "normalize", "resolve", "basename", "dirname", "extname", "relative", "isAbsolute", "parse", "format"];
    const path = known("LIB.path", {
        ...fromEntries(paths.map((method) => [method, (...given) => now("path", method, ...given)])),
        sep: "/",
        delimiter: ":",
    });

    const encodingOf = (options) => typeof options === "string" ? options : options?.encoding;
    const statOf = ({ kind, ...numbers }) => ({
        ...numbers,
        mtime: new Date(numbers.mtimeMs),
        isDirectory: () => kind === "folder",
        isFile: () => kind === "file",
        isSymbolicLink: () => false,
    });
    const files = {
        readFile: (file, options) => {
            const read = Buffer.from(now("fs", "read", String(file)), "base64");
            const encoding = encodingOf(options);
            return encoding === undefined || encoding === null ? read : read.toString(encoding);
        },
        writeFile: (file, data, options) => now("fs", "write", String(file), recode(bytesOf(data, encodingOf(options)), "latin1", "base64")),
        appendFile: (file, data, options) => now("fs", "append", String(file), recode(bytesOf(data, encodingOf(options)), "latin1", "base64")),
        readdir: (folder) => now("fs", "list", String(folder)),
        stat: (file) => statOf(now("fs", "stat", String(file))),
        mkdir: (folder, options) => now("fs", "mkdir", String(folder), options?.recursive === true),
        unlink: (file) => now("fs", "remove", String(file)),
    };
    const fs = known("LIB.fs", {
        ...fromEntries(Object.entries(files).map(([name, work]) => [name + "Sync", work])),
        existsSync: (file) => now("fs", "exists", String(file)),
        promises: known("LIB.fs.promises", fromEntries(Object.entries(files).map(([name, work]) => [name, async (...given) => work(...given)]))),
    });

    const responseOf = ({ headers, text, ...rest }) => freeze({
        ...rest,
        headers: assign(Object.create({ get(name) { return this[String(name).toLowerCase()] ?? null; } }), headers),
        text: async () => text,
        json: async () => parse(text),
    });
    const request = async (url, { method, headers, body } = {}) => responseOf(await later("fetch", String(url), method ?? "GET", headers ?? {}, body));
    const http = known("LIB.http", {
        request,
        get: (url, options) => request(url, { ...options, method: "GET" }),
        post: (url, body, options) => {
            const isObject = typeof body === "object" && body !== null;
            const headers = isObject ? { "content-type": "application/json", ...options?.headers } : options?.headers;
            return request(url, { ...options, method: "POST", headers, body });
        },
    });

    const LIB = known("LIB", {
        path,
        fs,
        http,
        math: Math,
        buffer: Buffer,
        crypto: known("LIB.crypto", {
            createHash: (algorithm) => digester("hash", String(algorithm)),
            createHmac: (algorithm, key) => digester("hmac", String(algorithm), bytesOf(key)),
            randomUUID: () => now("uuid"),
            randomBytes: (count) => Buffer.from(now("random", count), "latin1"),
            timingSafeEqual: (a, b) => Buffer.from(a).equals(b),
        }),
        get db() {
            throw new Error("LIB.db is not part of this service: it has no drivers for PostgreSQL, SQL Server and Oracle");
        },
        fetch: async (url, options) => {
            const answer = await later("fetch", String(url), options?.method ?? "GET", options?.headers ?? {}, options?.body);
            return freeze({ ...answer, json: () => parse(answer.text) });
        },
        sleep: (msec) => later("sleep", Number(msec) || 0),
        sha256: async (text) => now("hash", "sha256", bytesOf(String(text)), "hex"),
        base64Encode: async (text) => recode(String(text), "utf8", "base64"),
        base64Decode: async (text) => recode(String(text), "base64", "utf8"),
    });

    const faultOf = (thrown) => {
        try {
            return slice(String(thrown instanceof Error ? thrown.message : thrown), 0, 2000);
        } catch {
            return "it threw something that is not a text";
        }
    };
    return {
        settle(id, json) {
            const { resolve, reject } = take(waiting, id);
            drop(waiting, id);
            try {
                resolve(opened(json));
            } catch (thrown) {
                reject(thrown);
            }
        },
        async run(tool, args, secrets) {
            try {
                const value = await tool(parse(args), LIB, parse(secrets));
                const text = typeof value === "string" ? value : stringify(value) ?? "";
                finish(undefined, slice(text, 0, mostCharacters + 1));
            } catch (thrown) {
                finish(faultOf(thrown), "");
            }
        },
    };
})
`;
