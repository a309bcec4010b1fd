/** Which backend the container's entrypoint chose, as read from the environment. */

import { StartError } from "./errors.js";
import { type GpuDevice, parseDevices } from "./gpu/devices.js";

export type BackendType = "cuda" | "rocm" | "cpu";

export interface Backend {
    readonly type: BackendType;
    /** One line: why this one and not the others. */
    readonly reason: string;
    /** What `getLlama` is asked for, and must report afterwards: a HIP backend counts as "cuda" there. */
    readonly gpu: "cuda" | false;
    /** The cards, in the backend's order; empty on CPU. */
    readonly devices: readonly GpuDevice[];
    /** Where the entrypoint remembers that this backend is good. */
    readonly proofFile?: string;
}

const GPU_OF: Readonly<Record<BackendType, "cuda" | false>> = { cuda: "cuda", rocm: "cuda", cpu: false };

export function backendFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Backend {
    const choice = environment["MENTATOR_BACKEND_CHOICE"] ?? "";
    const type = choice === "" ? "cpu" : choice;
    if (type !== "cuda" && type !== "rocm" && type !== "cpu") {
        throw new StartError(2, [`MENTATOR_BACKEND_CHOICE: must be cuda, rocm or cpu, not "${choice}"`]);
    }
    const reason = (environment["MENTATOR_BACKEND_REASON"] ?? "").replace(/\s+/g, " ").trim();
    const fallback = choice === "" ? "no backend was chosen, so CPU" : "chosen by MENTATOR_BACKEND_CHOICE";
    const proofFile = environment["MENTATOR_BACKEND_PROOF"];
    return {
        type,
        reason: reason === "" ? fallback : reason,
        gpu: GPU_OF[type],
        devices: parseDevices(environment["MENTATOR_BACKEND_DEVICES"] ?? ""),
        ...(proofFile === undefined || proofFile === "" ? {} : { proofFile }),
    };
}
