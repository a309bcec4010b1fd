// `node main.mjs ARGUMENT...`, started by start-docker.sh in the application's folder; the arguments are the
// service's. Listens to signals before anything else is loaded: PID 1 of a container loses those that it
// has no handler for. What it does is start.mjs.
import { killAll } from "./groups.mjs";

for (const [signal, code] of /** @type {const} */ ([["SIGINT", 130], ["SIGTERM", 143]])) {
    process.on(signal, () => {
        killAll();
        process.exit(code);
    });
}
try {
    const { start } = await import("./start.mjs");
    await start(process.argv.slice(2));
} catch (error) {
    const { report } = await import("./log.mjs");
    process.exit(report(error));
}
