// Checks what the user asks for, before start-docker.sh changes anything.
import { readBarrier } from "./barrier.mjs";
import { readDemand } from "./demand.mjs";
import { report } from "./log.mjs";
import { pathsBelow } from "./paths.mjs";
import { readTable } from "./table.mjs";

try {
    const { modes } = readTable(pathsBelow(process.env["MENTATOR_SYSTEM_ROOT"] ?? "").table);
    readBarrier(process.env);
    readDemand(process.env, modes.map(({ name }) => name));
} catch (error) {
    process.exitCode = report(error);
}
