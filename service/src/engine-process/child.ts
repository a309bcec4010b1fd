/** The engine's process. The service starts it, with the connection as an open file; it ends with the service. */

import { Socket } from "node:net";
import { LlamaEngine } from "../engine/llama-engine.js";
import { longestStepMsec } from "../engine/native-failure.js";
import { messageOf } from "../errors.js";
import { CHANNEL_FD } from "./protocol.js";
import { EngineServer } from "./server.js";

const BEAT_MSEC = 1000;

/**
 * At once, whatever the native part does: its threads may compute or hang, and an orderly exit would wait for them.
 * What it held, the kernel and the driver take back.
 */
function end(): void {
    process.kill(process.pid, "SIGKILL");
}

// A terminal sends these to all processes of a group. The service decides when this one ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => undefined);
}

const server = new EngineServer(
    new Socket({ fd: CHANNEL_FD, readable: true, writable: true }),
    ({ backend, threads, settings }, log, witness) => new LlamaEngine(backend, threads, settings, log, backend.mode.gpu === false ? undefined : witness),
    (fault) => {
        if (fault !== undefined) {
            process.stderr.write(`the service sent ${messageOf(fault)}\n`);
        }
        end();
    },
);

setInterval(() => server.send({ type: "beat", stepMsec: longestStepMsec(), residentBytes: process.memoryUsage.rss() }), BEAT_MSEC);
