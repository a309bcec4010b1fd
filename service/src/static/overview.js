/** The overview: what runs here and how it is. */

import { ApiError, get, hasKey } from "./api.js";
import { byId, copies, fillFacts, h, part, tell, write } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./poll.js";

/** @typedef {{ name: string, relativeFileName: string, sizeKb: number, layerCount?: number, isReasoning?: boolean }} Model */

let listed = "";

/** @param {any} state */
function showState(state) {
    const { currentModel: model, gpuInfo: gpu, stats1h: hour } = state;
    write(part("model"), model === null ? "none yet" : model.name);
    fillFacts(
        part("model-facts"),
        model === null
            ? [["Loaded", "with the first request that names a model"]]
            : [
                  ["Size", format.megabytes(model.sizeMb)],
                  ...(model.contextSize === undefined ? [] : [/** @type {const} */ (["Context", `${format.count(model.contextSize)} tokens`])]),
                  ...(model.gpulayer === undefined ? [] : [/** @type {const} */ (["Layers on GPU", String(model.gpulayer)])]),
                  ["Loaded", `${format.day(model.loadTimestamp)} ${format.clock(model.loadTimestamp)}`],
              ],
    );
    write(part("backend"), gpu.title);
    fillFacts(part("backend-facts"), [["Device", gpu.device], ...(gpu.reason === undefined ? [] : [/** @type {const} */ (["Why", gpu.reason])])]);
    write(part("memory"), format.megabytes(state.memoryUsageMb));
    write(part("memory-note"), `of the process, ${format.megabytes(state.memoryHeapMb)} of it JavaScript's`);
    const hasVram = gpu.totalVramMb > 0;
    part("vram").hidden = !hasVram;
    if (hasVram) {
        const meter = byId("vram-meter", HTMLMeterElement);
        meter.max = gpu.totalVramMb;
        meter.value = gpu.usedVramMb;
        write(part("vram-text"), `VRAM: ${format.megabytes(gpu.usedVramMb)} of ${format.megabytes(gpu.totalVramMb)} in use`);
    }
    write(part("queue"), String(state.queueSize));
    write(part("hour"), format.many(hour.total, "request"));
    write(part("hour-note"), hour.total === 0 ? "" : `${hour.failed} failed, ${format.milliseconds(hour.avgPromptDuration)} on average`);
    write(part("uptime"), format.span(state.serverUptimeSeconds));
    write(part("uptime-note"), `since ${format.day(state.serverStartTimestamp)} ${format.clock(state.serverStartTimestamp)}`);
}

/** @param {readonly Model[]} models */
function showModels(models) {
    const text = JSON.stringify(models);
    if (text === listed) {
        return;
    }
    listed = text;
    const rows = models.map(({ name, relativeFileName, sizeKb, layerCount, isReasoning }) =>
        h(
            "tr",
            {},
            h("th", { scope: "row", title: relativeFileName }, name),
            h("td", { class: "num" }, format.megabytes(sizeKb / 1024)),
            h("td", { class: "num" }, layerCount === undefined ? "–" : String(layerCount)),
            h("td", {}, isReasoning === true ? "reasoning" : "–"),
            h("td", {}, h("a", { href: `/chat?model=${encodeURIComponent(name)}`, "aria-label": `Chat with ${name}` }, "Chat")),
        ),
    );
    const none = h("tr", {}, h("td", { colspan: 5 }, "No *.gguf in the model folder. It is searched again every minute."));
    part("models").replaceChildren(...(rows.length === 0 ? [none] : rows));
    showCurl(models[0]?.name ?? "MODEL");
}

/** @param {string} model */
function showCurl(model) {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
    const key = hasKey() ? '  -H "Authorization: Bearer $MENTATOR_API_KEY" \\\n' : "";
    write(part("base"), `${location.origin}/v1`);
    write(part("curl"), `curl ${location.origin}/v1/chat/completions \\\n  -H 'Content-Type: application/json' \\\n${key}  -d '${body.replaceAll("'", "'\\''")}'`);
}

async function showReady() {
    const pill = part("ready");
    try {
        await get("/ready");
        pill.className = "pill good";
        write(pill, "Ready");
    } catch (thrown) {
        pill.className = "pill bad";
        write(pill, thrown instanceof ApiError && thrown.status === 503 ? `Not ready: ${thrown.message}` : "Not reached");
    }
}

async function refresh() {
    await showReady();
    try {
        const [state, { models }] = await Promise.all([get("/state"), get("/state/models")]);
        showState(state);
        showModels(models);
        tell(part("trouble"), "");
    } catch (thrown) {
        tell(part("trouble"), format.messageOf(thrown));
    }
}

copies(byId("curl-copy", HTMLButtonElement), () => part("curl").textContent);
showCurl("MODEL");
poll(refresh, 3000);
