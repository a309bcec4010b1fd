// Where things lie in the image.
import { join } from "node:path";

/**
 * @typedef {object} Paths
 * @property {string} root what stands for /: empty but in tests
 * @property {string} app the application's folder
 * @property {string} data
 * @property {string} barrier the folder of the library for ggml's threads
 * @property {string} backends a folder for each candidate, with its plugin
 * @property {string} table
 * @property {string} probe
 * @property {string} measure
 * @property {string} tinyModel
 * @property {string} buildId
 * @property {string} proofs the file of remembered proofs
 * @property {string} deaths the file of runs that died
 */

/**
 * @param {string} root
 * @returns {Paths}
 */
export function pathsBelow(root) {
    const app = `${root}/opt/mentator-llm-service`;
    const own = `${root}/opt/mentator`;
    return {
        root,
        app,
        data: join(app, "data"),
        barrier: join(own, "barrier"),
        backends: join(own, "backends"),
        table: join(own, "backends.json"),
        probe: join(own, "entrypoint", "probe.mjs"),
        measure: join(own, "entrypoint", "measure.mjs"),
        tinyModel: join(own, "tiny-model.gguf"),
        buildId: join(own, "build-id"),
        proofs: join(app, "data", ".backend-proof"),
        deaths: join(app, "data", ".backend-deaths"),
    };
}
