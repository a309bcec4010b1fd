/**
 * The script of the worker thread that runs one call of a tool; JavaScript in a text, since Node starts it as it is.
 *
 * The tool's code runs in its own context, which has JavaScript and nothing of Node. `args`, `LIB` and the secrets
 * are made inside that context: only texts cross the border, so the tool gets no object from outside that could
 * lead it out. `resourceLimits` does not limit memory outside of V8's heap, so there are no typed arrays. The
 * operator writes the files: the sandbox contains mistakes, and what a model makes a tool do. It does not
 * protect from the operator.
 *
 * workerData: { source, args, secrets, mostCharacters }, all texts but the last. Posts { text } or { fault }.
 */
export const SANDBOX = String.raw`
"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const vm = require("node:vm");
const { createHash } = require("node:crypto");
const base64 = (text) => Buffer.from(text, "utf8").toString("base64");
const unbase64 = (text) => Buffer.from(text, "base64").toString("utf8");
const { source, args, secrets, mostCharacters } = workerData;

// What a worker could do to its process if the code left the context after all.
for (const name of ["binding", "_linkedBinding", "dlopen", "getBuiltinModule", "mainModule", "kill", "_kill", "_debugProcess", "_debugEnd", "abort", "chdir", "report", "permission"]) {
    try { delete process[name]; } catch {}
}
for (const name of ["require", "module", "exports", "__filename", "__dirname"]) {
    try { delete globalThis[name]; } catch {}
}

async function readText(response) {
    const parts = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
        bytes += part.length;
        if (bytes > mostCharacters * 16) {
            throw new Error("the answer is larger than " + mostCharacters * 16 + " bytes");
        }
        parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
}

const HOST = {
    async fetch(url, { method, headers, body } = {}) {
        const response = await fetch(url, { method, headers, body: typeof body === "object" && body !== null ? JSON.stringify(body) : body });
        const { ok, status, statusText } = response;
        return { ok, status, statusText, headers: Object.fromEntries(response.headers), text: await readText(response) };
    },
    sleep: (msec) => new Promise((resolve) => setTimeout(resolve, Number(msec) || 0)),
    sha256: async (text) => createHash("sha256").update(String(text)).digest("hex"),
    base64Encode: async (text) => base64(String(text)),
    base64Decode: async (text) => unbase64(String(text)),
};

// Takes texts and gives texts. Never throws.
function ask(name, given, done) {
    try {
        HOST[name](...JSON.parse(given)).then(
            (value) => done(undefined, JSON.stringify(value)),
            (thrown) => done(String(thrown && thrown.cause && thrown.cause.message ? thrown.message + ": " + thrown.cause.message : thrown && thrown.message)),
        );
    } catch (thrown) {
        done(String(thrown && thrown.message));
    }
}

function finish(fault, text) {
    parentPort.postMessage(fault === undefined ? { text } : { fault });
    parentPort.close();
}

const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
const run = vm.runInContext(${"`"}
    "use strict";
    for (const name of Object.getOwnPropertyNames(globalThis)) {
        if (/Array$/.test(name) && name !== "Array" || /Buffer$|^DataView$|^WebAssembly$|^Atomics$|^console$/.test(name)) {
            delete globalThis[name];
        }
    }
    (function (ask, finish) {
        const call = (name, ...given) => new Promise((resolve, reject) => {
            ask(name, JSON.stringify(given), (fault, json) => fault === undefined ? resolve(json === undefined ? undefined : JSON.parse(json)) : reject(new Error(fault)));
        });
        const LIB = Object.freeze({
            fetch: async (url, options) => {
                const answer = await call("fetch", String(url), options ?? {});
                return Object.freeze({ ...answer, json: () => JSON.parse(answer.text) });
            },
            sleep: (msec) => call("sleep", msec),
            sha256: (text) => call("sha256", text),
            base64Encode: (text) => call("base64Encode", text),
            base64Decode: (text) => call("base64Decode", text),
        });
        return (tool, args, secrets) => {
            Promise.resolve(tool(JSON.parse(args), LIB, JSON.parse(secrets))).then(
                (value) => finish(undefined, typeof value === "string" ? value : JSON.stringify(value) ?? ""),
            ).catch((thrown) => {
                let fault = "it threw something that is not a text";
                try {
                    fault = String(thrown instanceof Error ? thrown.message : thrown);
                } catch {}
                finish(fault);
            });
        };
    })
${"`"}, context)(ask, (fault, text) => finish(fault === undefined ? undefined : String(fault).slice(0, 2000), text === undefined ? undefined : String(text)));
run(vm.runInContext(source, context, { filename: "tool" }), args, secrets);
`;
