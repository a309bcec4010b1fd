// The application's own node-llama-cpp, for the programs that prove and measure a backend.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * As much of node-llama-cpp as is used here: the application brings it.
 * @typedef {object} Library
 * @property {(options: object) => Promise<Llama>} getLlama
 *
 * @typedef {object} Llama
 * @property {string | false} gpu
 * @property {() => Promise<string[]>} getGpuDeviceNames
 * @property {() => Promise<{ total: number, free?: number }>} getVramState
 * @property {(options: object) => Promise<Model>} loadModel
 *
 * @typedef {object} Model
 * @property {number} gpuLayers
 * @property {(options: object) => Promise<{ getSequence: () => Sequence }>} createContext
 *
 * @typedef {object} Sequence
 * @property {(tokens: number[], options: object) => AsyncIterable<number>} evaluate
 */

/**
 * @param {object} options
 * @returns {Promise<Llama>}
 */
export async function openLlama(options) {
    const { resolve: find } = createRequire(resolve("package.json"));
    const library = /** @type {Library} */ (await import(pathToFileURL(find("node-llama-cpp")).href));
    return library.getLlama({ build: "never", skipDownload: true, progressLogs: false, ...options });
}
