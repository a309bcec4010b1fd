/** For orchestrators and monitoring: whether the process is alive and a model can answer, and figures. */

import { gpuLostError, ServiceError } from "../../errors.js";
import { answers, textAnswer } from "../answers.js";
import type { Routes } from "../routes.js";
import { howFar } from "../service.js";

function status(value: string): object {
    return { type: "object", required: ["status"], properties: { status: { type: "string", const: value } } };
}

const READY = {
    type: "object",
    required: ["status"],
    properties: { status: { type: "string", const: "ready" }, pulling: { type: "string", description: "How far models are that are being pulled" } },
} as const;

export const healthRoutes: Routes = (server, service) => {
    server.get(
        "/health",
        { config: { open: true }, schema: { tags: ["health"], summary: "The process is alive, and has the GPU that it started with", response: answers(status("ok"), [500, 503]) } },
        () => {
            const lost = service.gpuLost();
            if (lost !== undefined) {
                throw gpuLostError(lost);
            }
            return { status: "ok" };
        },
    );

    server.get(
        "/ready",
        { config: { open: true }, schema: { tags: ["health"], summary: "A model can answer", response: answers(READY, [500, 503]) } },
        () => {
            const trouble = service.notReady();
            if (trouble !== undefined) {
                throw new ServiceError(503, trouble.why, trouble.retryAfterSeconds);
            }
            const pulls = service.puller.progress;
            return { status: "ready", ...(pulls.length === 0 ? {} : { pulling: howFar(pulls) }) };
        },
    );

    server.get(
        "/metrics",
        { schema: { tags: ["health"], summary: "Figures in Prometheus' text format", response: answers(textAnswer("Prometheus' text format")) } },
        async (_request, reply) => reply.type(service.metrics.contentType).send(await service.metrics.text()),
    );
};
