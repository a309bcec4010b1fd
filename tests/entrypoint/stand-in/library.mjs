// Stands for node-llama-cpp, which the probe loads: notes in the folder $RECORD what it is told, does what
// a test laid down for the candidate (probe-CANDIDATE.mjs there), and is content where there is nothing.
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const { RECORD = "", GGML_BACKEND_PATH = "" } = process.env;
const candidate = basename(dirname(GGML_BACKEND_PATH));

async function* evaluate() {
    yield* await Promise.resolve([5, 6]);
}

/** @param {{ gpu: string | false }} options */
export async function getLlama({ gpu }) {
    appendFileSync(`${RECORD}/probes`, `${candidate} ${gpu} in ${process.cwd()}\n`);
    const rows = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}\0`);
    writeFileSync(`${RECORD}/probe-env`, rows.join(""));
    const body = `${RECORD}/probe-${candidate}.mjs`;
    if (existsSync(body)) {
        await import(body);
    }
    console.log("  Device 0: Some Card, compute capability 9.0, VMM: yes, VRAM: 8192 MiB");
    const context = { getSequence: () => ({ evaluate }) };
    return {
        gpu,
        getGpuDeviceNames: () => Promise.resolve(["Some Card"]),
        getVramState: () => Promise.resolve({ total: 8 * 2 ** 30 }),
        loadModel: (/** @type {{ gpuLayers: number }} */ { gpuLayers }) => {
            return Promise.resolve({ gpuLayers, createContext: () => Promise.resolve(context) });
        },
    };
}
