/** Puts the service together, starts it, and takes it down again. */

import { mkdirSync } from "node:fs";
import type { ChosenBackend } from "./backend/backend.js";
import type { Configuration } from "./config/configuration.js";
import { plainOptions } from "./config/options.js";
import { threadsOfThisProcess } from "./cpu/cgroup.js";
import { EngineProcess } from "./engine-process/engine-process.js";
import { engineProgram } from "./engine-process/program.js";
import { gpuLostError, type ServiceError, shuttingDownError, StartError } from "./errors.js";
import { greet } from "./greet.js";
import { NativeDeaths } from "./gpu/native-deaths.js";
import { Proof } from "./gpu/proof.js";
import { Surface } from "./gpu/surface.js";
import { GpuWatch } from "./gpu/watch.js";
import { areSet, type Keys } from "./http/api-keys.js";
import { InFlight } from "./http/in-flight.js";
import { ALL_ADDRESSES, listen } from "./http/listen.js";
import { createServer } from "./http/server.js";
import { readiness, type Service } from "./http/service.js";
import { serveOn } from "./leave.js";
import { Log } from "./log.js";
import { figuresOf } from "./metrics/measured.js";
import { Metrics } from "./metrics/metrics.js";
import { ModelCatalog } from "./models/catalog.js";
import { inspectFile } from "./models/inspect.js";
import { Journal } from "./prompt/journal.js";
import { Prompts } from "./prompt/prompts.js";
import { Preload } from "./preload.js";
import { hostsOf, type PullEnvironment } from "./pull/environment.js";
import { provide } from "./pull/provide.js";
import { Puller } from "./pull/puller.js";
import { FairScheduler, timesOf } from "./schedule/fair.js";
import { RunAgain } from "./schedule/run-again.js";
import { type StopTimes, USUAL_STOP } from "./start-environment.js";
import { openTables } from "./store/tables.js";
import { startRetention } from "./store/retention.js";
import { ToolCatalog } from "./tools/catalog.js";
import { readVersion } from "./version.js";

/** Clients then have this long to read their answers, before every connection is closed. */
const REPLY_MSEC = 1500;

/** The process ends this long after the time of running requests, whatever still runs: `docker stop` kills it after 10 s. */
const LAST_MSEC = 4000;

/** The exit code after the GPU was lost. */
const GPU_LOST = 6;

export interface StartOptions {
    readonly configuration: Configuration;
    readonly chosen: ChosenBackend;
    /** Where models are pulled from. */
    readonly hub: Omit<PullEnvironment, "models">;
    /** Empty: all addresses. */
    readonly host: string;
    readonly notes: readonly string[];
    readonly warnings: readonly string[];
    /** Absent: the usual ones. */
    readonly stopTimes?: StopTimes;
    /** JavaScript of the engine's process, absolute; another one in tests. */
    readonly engineProgram?: string;
}

export interface RunningService {
    /** Models can be used. Rejects with a StartError when the service has to end instead. */
    readonly started: Promise<void>;
    /** Resolves when the service has to end, later than at its start. */
    readonly failed: Promise<StartError>;
    /**
     * Lets running requests finish, refuses those that wait, and closes everything. Also during the start.
     * @param exitCode of the process, should it not come to its end by itself
     */
    stop(why: string, exitCode?: number): Promise<void>;
}

/** Makes the folders that the operator puts files into. If that fails, the search for files says so. */
function makeFolders(configuration: Configuration): void {
    for (const folder of [configuration.modelDir, configuration.toolDir, configuration.toolEnvDir]) {
        try {
            if (folder !== undefined) {
                mkdirSync(folder, { recursive: true });
            }
        } catch {
            // The data folder may be read-only: the search for models says what it found.
        }
    }
}

/**
 * Listens first, then starts the engine's process: /state/version must not wait for it.
 * @returns when it listens. @throws StartError
 */
export async function startService(options: StartOptions): Promise<RunningService> {
    const { configuration, chosen } = options;
    const { backend } = chosen;
    const { name: backendName, gpu, watch: watched } = backend.mode;
    const startTimestamp = Date.now();
    const version = readVersion();
    const threads = threadsOfThisProcess();
    const log = new Log(configuration.log.level, (line) => process.stdout.write(`${line}\n`), configuration.log.format);

    const { database, logTable, promptTable, responseTable } = openTables(configuration, log);

    const cut = new AbortController();
    const leave = new AbortController();
    const proof = new Proof(backend.proofFile);
    let giveUp: (why: StartError) => void = () => undefined;
    const failed = new Promise<StartError>((resolve) => {
        giveUp = resolve;
    });
    const watch = new GpuWatch(
        await Surface.now(watched),
        (why) => {
            log.write("error", "core", gpuLostError(why).message);
            proof.forget();
            cut.abort(gpuLostError(why));
            // Docker starts no container again because it is unhealthy, only because it has ended.
            giveUp(new StartError(GPU_LOST, [`the GPU was lost: ${why}`]));
        },
        (why) => log.write("warn", "core", `${why}. Work goes on; if computing fails, the service ends with code ${GPU_LOST}.`),
    );
    const deaths = new NativeDeaths(proof, backend.proofFile);
    const setup = { backend, threads, settings: configuration.engine, logLevel: configuration.log.level };
    const engine = new EngineProcess(
        setup,
        engineProgram(process.env, options.engineProgram),
        { log, witness: gpu === false ? undefined : watch, onNativeDeath: () => deaths.record(), onGivenUp: (why) => giveUp(why) },
    );
    const engineState = (): ReturnType<Service["engineState"]> => engine.state;
    makeFolders(configuration);
    const models = new ModelCatalog(configuration.modelDir, inspectFile, log);
    const { modelDir, models: sources, pull } = configuration;
    const keys: Keys = { apiKey: configuration.apiKey, named: configuration.apiKeys };
    const hosts = [...pull.hosts, ...hostsOf(sources)];
    const puller = new Puller({ modelDir, hosts, ...options.hub }, log, async () => models.rescanFromNow());
    const once = new FairScheduler(engine, configuration.engine.queueSize, undefined, timesOf(configuration));
    const scheduler = new RunAgain(once);
    const preload = new Preload({ setting: configuration.preload, file: `${configuration.dbFile}.last-model`, models, engine, scheduler: once, log });
    const tools = new ToolCatalog(configuration.toolDir, configuration.toolEnvDir, log, configuration.tools);

    let leaving = false;
    let stopping = false;
    const inFlight = new InFlight();
    const refusal = (): ServiceError | undefined => {
        if (stopping) {
            return shuttingDownError();
        }
        return watch.lost === undefined ? undefined : gpuLostError(watch.lost);
    };
    const notReady = (): ReturnType<Service["notReady"]> => readiness(engine, models, leaving ? shuttingDownError() : refusal(), puller.progress);
    const metrics = new Metrics(
        { version, backend: backendName },
        figuresOf({ engine, engineState, models, scheduler, startTimestamp, ready: () => notReady() === undefined, gpuLost: () => watch.lost }),
    );
    const journal = new Journal(promptTable.add, metrics, log);
    const prompts = new Prompts(models, scheduler, configuration.defaultOptions, tools, journal, (line) => log.write("warn", "prompt", line));
    const service: Service = {
        version,
        startTimestamp,
        backend,
        backendNames: chosen.modes.map(({ name }) => name),
        engine,
        engineState,
        models,
        puller,
        management: { modelDir, sources, allowed: areSet(keys) || pull.withoutKey },
        scheduler,
        prompts,
        journal,
        metrics,
        logTable,
        promptTable,
        responseTable,
        defaultOptions: plainOptions(configuration.defaultOptions),
        promptOptions: configuration.defaultOptions,
        savePrompt: configuration.log.savePrompt,
        keys,
        allowedHosts: configuration.allowedHosts,
        corsOrigins: configuration.corsOrigins,
        log,
        notReady,
        leaving: () => leaving,
        stopping: () => stopping,
        gpuLost: () => watch.lost,
        refusal,
        cut: cut.signal,
        inFlight,
    };
    const server = createServer(service);
    const host = await listen(server, options.host === "" ? ALL_ADDRESSES : [options.host], configuration.port);

    greet(log, { version, backend: `${backendName}: ${backend.reason}`, threads, data: configuration.dbFile, models: configuration.modelDir, notes: options.notes });
    [...chosen.warnings, ...options.warnings].forEach((warning) => log.write("warn", "core", warning));
    log.write("info", "core", `listening on ${host}, port ${configuration.port}`);
    watch.start();
    const stopRetention = startRetention(database, log, { log: configuration.log.liveDay, prompts: configuration.log.promptLiveDay, responseHours: configuration.responses.liveHours });

    const stopNote = preload.note();

    const stop = async (why: string, exitCode = 0): Promise<void> => {
        const times = options.stopTimes ?? USUAL_STOP;
        let { drainMsec } = times;
        leaving = true;
        if (times.noticeMsec > 0 && exitCode === 0 && engine.ready) {
            log.write("info", "core", `leaving: ${why}; requests are served for ${times.noticeMsec / 1000} s more, and /ready says 503`);
            drainMsec = await Promise.race([serveOn(times, () => scheduler.waiting), failed.then(() => drainMsec)]);
        }
        stopping = true;
        log.write("info", "core", `stopping: ${why}`);
        setTimeout(() => process.exit(exitCode), drainMsec + LAST_MSEC).unref();
        watch.stop();
        models.stop();
        leave.abort();
        puller.stop(shuttingDownError());
        tools.stop();
        // The scheduler does not know of running tools, nor of answers that are still being sent.
        setTimeout(() => cut.abort(shuttingDownError()), drainMsec).unref();
        const drained = scheduler.drain(drainMsec);
        await inFlight.none(drainMsec + REPLY_MSEC);
        await server.close();
        await drained;
        await stopNote();
        await engine.close();
        if (exitCode === 0) {
            deaths.release();
        }
        stopRetention();
        log.write("info", "core", "stopped");
        await database.close();
    };

    const start = async (): Promise<void> => {
        proof.use();
        void provide(puller, sources, log, leave.signal);
        try {
            await Promise.all([engine.start(), models.start(), tools.start()]);
            void preload.run(leave.signal);
        } catch (thrown) {
            leave.abort();
            puller.stop(shuttingDownError());
            if (!stopping) {
                await server.close();
                await database.close();
            }
            throw thrown;
        }
    };
    return { started: start(), failed, stop };
}
