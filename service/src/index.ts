/** The entry point: command line, signals and exit codes. */

import { startService, type StartOptions } from "./app.js";
import { backendFromEnvironment } from "./backend/backend.js";
import { type Command, HELP, parseCommandLine } from "./cli.js";
import { type Read, readConfiguration, readContainerConfiguration, writeTemplate } from "./config/file.js";
import { messageOf, StartError } from "./errors.js";
import { pullEnvironment } from "./pull/environment.js";
import { apiKeyFrom, portFrom, stopTimesFrom } from "./start-environment.js";
import { readVersion } from "./version.js";

function startOptions(read: Read, loopback: boolean): StartOptions {
    const { MENTATOR_HOST: host = "", MENTATOR_PORT: port } = process.env;
    const { configuration } = read;
    const { models = configuration.models, ...hub } = pullEnvironment(process.env);
    return {
        ...read,
        configuration: {
            ...configuration,
            port: portFrom(port, configuration.port),
            apiKey: apiKeyFrom(process.env, configuration.apiKey),
            models,
        },
        hub,
        chosen: backendFromEnvironment(process.env),
        host: host === "" && loopback ? "127.0.0.1" : host,
        stopTimes: stopTimesFrom(process.env),
    };
}

async function serve(options: StartOptions): Promise<void> {
    // Also during the start: as PID 1 in a container, a process ignores signals that it has no handler for.
    let stop: (why: string, exitCode: number) => void = () => undefined;
    let ending: readonly [why: string, exitCode: number] | undefined;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
        process.on(signal, () => {
            if (ending !== undefined) {
                process.exit(1);
            }
            ending = [signal, 0];
            stop(...ending);
        });
    }
    const service = await startService(options);
    stop = (why, exitCode) => void service.stop(why, exitCode).then(() => process.exit(exitCode));
    if (ending !== undefined) {
        stop(...ending);
    }
    void service.failed.then((why) => {
        if (ending === undefined) {
            tell(why);
            ending = ["the service cannot go on", why.exitCode];
            stop(...ending);
        }
    });
    try {
        await service.started;
    } catch (thrown) {
        // A start that is ended meanwhile fails, too: the end says the exit code.
        if (ending === undefined) {
            throw thrown;
        }
    }
}

/** The only place that prints why the process ends. */
function tell(thrown: unknown): void {
    const lines = thrown instanceof StartError ? thrown.lines : [thrown instanceof Error ? (thrown.stack ?? "") : messageOf(thrown)];
    process.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

async function run(command: Command): Promise<void> {
    switch (command.kind) {
        case "fault":
            throw new StartError(2, [command.message]);
        case "help":
            process.stdout.write(HELP);
            return;
        case "version":
            process.stdout.write(`${readVersion()}\n`);
            return;
        case "generate":
            process.stdout.write(`${writeTemplate(command.folder)}\n`);
            return;
        case "docker":
            return serve(startOptions(readContainerConfiguration(command.file), false));
        case "use":
            return serve(startOptions(readConfiguration(command.file), true));
    }
}

try {
    await run(parseCommandLine(process.argv.slice(2)));
} catch (thrown) {
    tell(thrown);
    process.exit(thrown instanceof StartError ? thrown.exitCode : 1);
}
