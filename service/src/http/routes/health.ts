/** For orchestrators: is the process alive, can a model answer. */

import { ServiceError, shuttingDown } from "../../errors.js";
import type { Routes } from "../server.js";

export const healthRoutes: Routes = (server, service) => {
    server.get("/health", () => ({ status: "ok" }));

    server.get("/ready", () => {
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
    });
};
