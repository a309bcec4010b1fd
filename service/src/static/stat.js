/** Statistics: what the service counts, as a table and as plots that move. */

import { get, request } from "./api.js";
import { byId, h, part, tell, write } from "./dom.js";
import * as format from "./format.js";
import { back, bars, durations } from "./history.js";
import { figures, rates } from "./metrics.js";
import { Plot } from "./plot.js";
import { poll } from "./poll.js";
import { mebibyteTicks } from "./ticks.js";

const HOUR_MSEC = 3_600_000;
/** How far back the plots of "now" reach. */
const NOW_MSEC = 300_000;
const EVERY_MSEC = 2000;
/** Tokens are counted as requests end: over less than this they come in spikes. */
const RATE_MSEC = 10_000;
/** Pages of 200 rows that are read at the start; a busy service has more than a page wants to draw. */
const PAGES = 15;
/** Width of a bar by hours shown. */
const BARS = /** @type {const} */ ({
    1: { msec: 60_000, title: "Requests per minute" },
    3: { msec: 180_000, title: "Requests per 3 minutes" },
    24: { msec: 1_800_000, title: "Requests per 30 minutes" },
});

/** @typedef {{ x: number, y: number }} Reading */

const readings = {
    /** @type {Reading[]} */ waiting: [],
    /** @type {Reading[]} */ running: [],
    /** @type {Reading[]} */ memory: [],
    /** @type {Reading[]} */ heap: [],
    /** @type {Reading[]} */ vram: [],
    /** @type {Reading[]} */ tokensIn: [],
    /** @type {Reading[]} */ tokensOut: [],
};

/** @type {import("./history.js").Row[]} */
let rows = [];
let rowsRead = false;

const plots = {
    count: new Plot(part("count"), "Requests by time"),
    duration: new Plot(part("duration"), "Duration of each request"),
    tokens: new Plot(part("tokens"), "Tokens per second"),
    queue: new Plot(part("queue"), "Queue"),
    memory: new Plot(part("memory"), "Memory of the process"),
    vram: new Plot(part("vram"), "VRAM"),
};

function hours() {
    const checked = document.querySelector("input[name=span]:checked");
    return /** @type {1 | 3 | 24} */ (checked instanceof HTMLInputElement ? Number(checked.value) : 1);
}

/**
 * @param {number} x
 * @param {Reading[]} list
 * @param {number | undefined} y
 */
function keep(x, list, y) {
    if (y !== undefined) {
        list.push({ x, y });
    }
    while (list[0] !== undefined && list[0].x < x - NOW_MSEC - 2 * RATE_MSEC) {
        list.shift();
    }
}

/** @param {any} state */
function showTable(state) {
    const spans = /** @type {const} */ ([["1 h", state.stats1h], ["3 h", state.stats3h], ["24 h", state.stats24h]]);
    const cells = spans.map(([name, one]) =>
        h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            h("td", { class: "num" }, format.count(one.total)),
            h("td", { class: "num" }, format.count(one.success)),
            h("td", { class: one.failed > 0 ? "num bad" : "num" }, format.count(one.failed)),
            ...[one.avgPromptDuration, one.p95PromptDuration, one.avgQueueDuration, one.p95QueueDuration].map((msec) =>
                h("td", { class: "num" }, one.total === 0 ? "–" : format.milliseconds(msec)),
            ),
        ),
    );
    part("table").replaceChildren(...cells);
}

function drawHistory() {
    const to = Date.now();
    const span = hours();
    const from = to - span * HOUR_MSEC;
    const { msec: barMsec, title } = BARS[span];
    const { good, bad } = bars(rows, from, to, barMsec);
    const some = rows.some(({ ts }) => ts >= from);
    const begin = good[0]?.x ?? from;
    const empty = "no request in this time";
    write(part("count-title"), title);
    plots.count.draw({
        kind: "bars",
        from: begin,
        to: begin + good.length * barMsec,
        barMsec,
        series: some ? [{ name: "good", points: good }, { name: "failed", points: bad }] : [{ name: "good", points: [] }],
        label: format.count,
        least: 4,
        empty,
    });
    plots.duration.draw({ kind: "dots", from, to, series: [{ name: "duration", points: durations(rows, from) }], label: format.milliseconds, tick: format.roundMilliseconds, least: 100, empty });
}

function drawNow() {
    const to = Date.now();
    const from = to - NOW_MSEC;
    const empty = "measuring";
    /** @param {readonly Reading[]} points */
    const since = (points) => points.filter(({ x }) => x >= from);
    const common = { kind: /** @type {const} */ ("line"), from, to, empty };
    plots.tokens.draw({
        ...common,
        series: [
            { name: "generated", points: since(rates(readings.tokensOut, RATE_MSEC)) },
            { name: "read", points: since(rates(readings.tokensIn, RATE_MSEC)) },
        ],
        label: format.perSecond,
        tick: String,
        least: 10,
    });
    plots.queue.draw({ ...common, series: [{ name: "waiting", points: since(readings.waiting) }, { name: "running", points: since(readings.running) }], label: format.count, least: 4 });
    plots.memory.draw({
        ...common,
        series: [{ name: "all", points: since(readings.memory) }, { name: "JavaScript", points: since(readings.heap) }],
        label: format.megabytes,
        ticks: mebibyteTicks,
        least: 64,
    });
    if (!part("vram-figure").hidden) {
        plots.vram.draw({ ...common, series: [{ name: "in use", points: since(readings.vram) }], label: format.megabytes, ticks: mebibyteTicks, least: 1024 });
    }
}

async function readMetrics() {
    const found = figures(await (await request("/metrics")).text());
    const at = Date.now();
    keep(at, readings.tokensIn, found.get("mentator_prompt_tokens_total"));
    keep(at, readings.tokensOut, found.get("mentator_completion_tokens_total"));
    keep(at, readings.running, found.get("mentator_requests_running"));
}

/**
 * @param {number | undefined} beforeId
 * @param {number} [afterId]
 */
async function page(beforeId, afterId = 0) {
    const { logs } = await get(`/log/chat/byid?limit=200&afterId=${afterId}&beforeId=${beforeId ?? ""}`);
    return /** @type {import("./history.js").Row[]} */ (logs);
}

async function readRows() {
    const since = Date.now() - 24 * HOUR_MSEC;
    if (!rowsRead) {
        rows = await back(page, since, PAGES);
        rowsRead = true;
        return;
    }
    const last = rows.at(-1)?.id ?? 0;
    const fresh = await back((beforeId) => page(beforeId, last), since, PAGES);
    rows = [...rows.filter(({ ts }) => ts >= since), ...fresh].slice(-PAGES * 200);
}

async function refresh() {
    try {
        const state = await get("/state");
        const at = Date.now();
        keep(at, readings.waiting, state.queueSize);
        keep(at, readings.memory, state.memoryUsageMb);
        keep(at, readings.heap, state.memoryHeapMb);
        const { totalVramMb, usedVramMb } = state.gpuInfo;
        keep(at, readings.vram, totalVramMb > 0 ? usedVramMb : undefined);
        part("vram-figure").hidden = totalVramMb === 0;
        await Promise.all([readMetrics(), readRows()]);
        showTable(state);
        drawHistory();
        drawNow();
        write(part("updated"), `as of ${format.clock(at)}`);
        tell(part("trouble"), "");
    } catch (thrown) {
        tell(part("trouble"), format.messageOf(thrown));
    }
}

const polling = poll(refresh, EVERY_MSEC);

document.querySelectorAll("input[name=span]").forEach((input) => input.addEventListener("change", drawHistory));
const pause = byId("pause", HTMLButtonElement);
pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    polling.pause(paused);
});
