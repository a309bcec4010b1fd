// The pods' preStop: ends when no request runs or waits any more. Until then the kubelet sends no SIGTERM, after
// which the service gives running requests four seconds. `node drain.mjs BEFORE LIMIT`, both in seconds: BEFORE
// passes in any case, in which the pod leaves every load balancer; after LIMIT more it ends whatever still runs.
import http from "node:http";

const [before = NaN, limit = NaN] = process.argv.slice(2).map(Number);
const pollMs = 500;

/** @returns {Promise<string>} the service's figures; "" where it does not answer as it should */
function metrics() {
    const key = process.env.MENTATOR_API_KEY ?? "";
    const headers = key === "" ? {} : { authorization: `Bearer ${key}` };
    return new Promise((resolve) => {
        // agent: false, since Node's own may go through the proxy of the environment.
        const how = { agent: false, headers, timeout: 5000 };
        const call = http.get("http://127.0.0.1:19777/metrics", how, (answer) => {
            let text = "";
            answer.setEncoding("utf8");
            answer.on("data", (/** @type {string} */ part) => (text += part));
            answer.on("end", () => resolve(answer.statusCode === 200 ? text : ""));
            answer.on("error", () => resolve(""));
        });
        call.on("timeout", () => call.destroy());
        call.on("error", () => resolve(""));
    });
}

/**
 * @param {string} text
 * @returns {number | undefined} requests that run or wait; undefined where the figures do not say it
 */
function busy(text) {
    const found = [...text.matchAll(/^mentator_(?:requests_running|queue_waiting) (\d+)$/gm)];
    return found.length === 2 ? found.reduce((sum, [, count]) => sum + Number(count), 0) : undefined;
}

/** @param {number} ms */
const pass = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (!(before >= 0 && limit >= 0)) {
    process.stderr.write("usage: node drain.mjs BEFORE LIMIT (seconds)\n");
    process.exit(2);
}
await pass(before * 1000);
const end = performance.now() + limit * 1000;
while (performance.now() < end && busy(await metrics()) !== 0) {
    await pass(pollMs);
}
