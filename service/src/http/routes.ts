/** What each file of routes gives: it adds its calls to the server. */

import type { FastifyInstance } from "fastify";
import type { Service } from "./service.js";

export type Routes = (server: FastifyInstance, service: Service) => void;
