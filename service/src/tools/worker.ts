/** The thread of one call of a tool: takes a SandboxCall as `workerData`, posts a SandboxAnswer. */

import { parentPort, workerData } from "node:worker_threads";
import { runInSandbox, type SandboxCall } from "./sandbox.js";

parentPort?.postMessage(await runInSandbox(workerData as SandboxCall));
