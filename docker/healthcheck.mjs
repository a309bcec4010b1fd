// The image's HEALTHCHECK: exit 0 when the service tells its version and does not call itself ill,
// else 1 and one line on stderr. Ill is a /health of 503, as when the GPU is lost; an application
// without such a path is judged by its version alone.
// Needs nothing but Node: the image has no curl. `node healthcheck.mjs [PORT]`; the container's
// port is fixed, the argument is for a service that was started with a configuration of its own.
import http from "node:http";

const origin = `http://127.0.0.1:${Number(process.argv[2] ?? 19777)}`;
const limitMs = 8000; // for all of it; below the HEALTHCHECK's own --timeout
const limitBytes = 65536;

/** @typedef {{ url: string, status: number, body: string }} Answer */

/**
 * @param {string} path
 * @returns {Promise<Answer>}
 */
function get(path) {
    const url = origin + path;
    return new Promise((resolve, reject) => {
        const fail = (/** @type {string} */ fault) => reject(new Error(`${url} ${fault}`));
        // agent: false, since Node's own may go through the proxy of the environment.
        const request = http.get(url, { agent: false }, (response) => {
            let body = "";
            response.setEncoding("utf8");
            response.on("data", (/** @type {string} */ chunk) => {
                body += chunk;
                if (body.length > limitBytes) {
                    fail("answers too much");
                    request.destroy();
                }
            });
            response.on("end", () => resolve({ url, status: response.statusCode ?? 0, body }));
            response.on("error", (error) => fail(`breaks off: ${nameOf(error)}`));
        });
        request.on("error", (error) => fail(`cannot be reached: ${nameOf(error)}`));
    });
}

/** @param {NodeJS.ErrnoException} error */
function nameOf(error) {
    return error.code ?? error.message;
}

/**
 * @param {string} body
 * @param {string} name
 * @returns {string | undefined} the text of a member; empty where it has none, undefined where it is not JSON
 */
function member(body, name) {
    try {
        /** @type {Record<string, unknown>} */
        const answer = JSON.parse(body);
        const value = answer[name];
        return typeof value === "string" ? value : "";
    } catch {
        return undefined;
    }
}

/** @param {Answer} answer */
function checkVersion({ url, status, body }) {
    if (status !== 200) {
        throw new Error(`${url} answers ${status}`);
    }
    const version = member(body, "version");
    if (version === undefined) {
        throw new Error(`${url} answers something else than JSON`);
    }
    if (version === "") {
        throw new Error(`${url} answers without a version`);
    }
}

/** @param {Answer} answer */
function checkHealth({ url, status, body }) {
    if (status === 503) {
        throw new Error(`${url} answers 503: ${member(body, "error") || "without a reason"}`);
    }
}

/** @param {string} [fault] */
function end(fault) {
    if (fault) {
        process.stderr.write(`unhealthy: ${fault}\n`);
    }
    process.exit(fault ? 1 : 0);
}

setTimeout(() => end(`${origin} does not answer within ${limitMs / 1000} s`), limitMs);
try {
    checkVersion(await get("/state/version"));
    checkHealth(await get("/health"));
    end();
} catch (error) {
    end(error instanceof Error ? error.message : String(error));
}
