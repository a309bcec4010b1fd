/** For orchestrators: is the process alive, can a model answer. */

import { ServiceError, shuttingDown } from "../../errors.js";
import { answers } from "../answers.js";
import type { Routes } from "../server.js";

function status(value: string): object {
    return { type: "object", required: ["status"], properties: { status: { type: "string", const: value } } };
}

export const healthRoutes: Routes = (server, service) => {
    server.get(
        "/health",
        { config: { open: true }, schema: { tags: ["health"], summary: "The process is alive", response: answers(status("ok"), [500]) } },
        () => ({ status: "ok" }),
    );

    server.get(
        "/ready",
        { config: { open: true }, schema: { tags: ["health"], summary: "A model can answer", response: answers(status("ready"), [500, 503]) } },
        () => {
            if (service.stopping()) {
                throw shuttingDown();
            }
            if (!service.engine.ready) {
                throw new ServiceError(503, "The engine is still starting.", 1);
            }
            if (service.models.list().length === 0) {
                throw new ServiceError(503, "There are no models.", 60);
            }
            return { status: "ready" };
        },
    );
};
