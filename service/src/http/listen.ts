/** Opens the port. */

import type { FastifyInstance } from "fastify";
import { messageOf, StartError } from "../errors.js";

/** All addresses of this machine, IPv6 and IPv4; where there is no IPv6, of IPv4 only. */
export const ALL_ADDRESSES: readonly string[] = ["::", "0.0.0.0"];

/** The machine has no such address, or not this kind of address at all. */
const ABSENT = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"]);

/**
 * @param hosts the first one that this machine has is taken
 * @returns it
 * @throws StartError
 */
export async function listen(server: FastifyInstance, hosts: readonly string[], port: number): Promise<string> {
    const [host = "", ...others] = hosts;
    try {
        await server.listen({ host, port });
        return host;
    } catch (thrown) {
        if (others.length > 0 && ABSENT.has((thrown as NodeJS.ErrnoException).code ?? "")) {
            return listen(server, others, port);
        }
        throw new StartError(4, [`Cannot listen on ${host}:${port}: ${messageOf(thrown)}`]);
    }
}
