/** The processor or the cards that compute, and their memory. */

import { cpus } from "node:os";
import type { Llama } from "node-llama-cpp";
import type { Backend } from "../backend/backend.js";
import type { Device } from "./engine.js";

const whole = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/** The cards as the entrypoint found them, where the native part does not answer. */
export function listedDevice({ devices }: Backend): Device {
    return {
        device: devices.map(({ name }) => name).join(", "),
        totalVramMb: devices.reduce((sum, { totalVramMb }) => sum + totalVramMb, 0),
        usedVramMb: 0,
    };
}

export function processor(): Device {
    return { device: cpus()[0]?.model ?? "unknown CPU", totalVramMb: 0, usedVramMb: 0 };
}

/** @throws what the native part throws, as when the GPU is gone */
export async function gpuDevice(llama: Llama): Promise<Device> {
    const [names, vram] = await Promise.all([llama.getGpuDeviceNames(), llama.getVramState()]);
    return { device: names.join(", "), totalVramMb: whole(vram.total), usedVramMb: whole(vram.used) };
}
