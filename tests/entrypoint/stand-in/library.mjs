// Stands for node-llama-cpp, which the probe loads: notes in the folder $RECORD what it is told, does what
// a test laid down for the candidate (probe-CANDIDATE.mjs there), and is content where there is nothing. It
// has the cards of cards.json there, "NAME, MIB", as far as they are selected; else one.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const { RECORD = "", GGML_BACKEND_PATH = "" } = process.env;
const candidate = basename(dirname(GGML_BACKEND_PATH));

async function* evaluate() {
    if (existsSync(`${RECORD}/slow-${candidate}`)) {
        await new Promise((resolve) => setTimeout(resolve, 400));
    }
    yield* Array.from({ length: 16 }, () => 5);
}

/** @returns {string[]} */
function cards() {
    const file = `${RECORD}/cards.json`;
    const all = /** @type {string[]} */ (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : ["Some Card, 8192"]);
    const list = process.env["CUDA_VISIBLE_DEVICES"] ?? process.env["HIP_VISIBLE_DEVICES"];
    return list === undefined ? all : list.split(",").flatMap((number) => all[Number(number)] ?? []);
}

/** @param {{ gpu: string | false }} options */
export async function getLlama({ gpu }) {
    appendFileSync(`${RECORD}/probes`, `${candidate} ${gpu} in ${process.cwd()}\n`);
    const rows = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}\0`);
    writeFileSync(`${RECORD}/probe-env`, rows.join(""));
    const body = `${RECORD}/probe-${candidate}.mjs`;
    const visible = cards().map((card) => card.split(", "));
    for (const [number, [name = "", memory = ""]] of visible.entries()) {
        console.log(`  Device ${number}: ${name}, compute capability 9.0, VMM: yes, VRAM: ${memory} MiB`);
    }
    if (existsSync(body)) {
        await import(body);
    }
    const context = { getSequence: () => ({ evaluate }) };
    return {
        gpu,
        getGpuDeviceNames: () => Promise.resolve(visible.map(([name]) => name)),
        getVramState: () => Promise.resolve({ total: visible.reduce((sum, [, memory]) => sum + Number(memory) * 2 ** 20, 0) }),
        loadModel: (/** @type {{ gpuLayers: number }} */ { gpuLayers }) => {
            return Promise.resolve({ gpuLayers, createContext: () => Promise.resolve(context) });
        },
    };
}
