/** The models in memory: as many as fit, the least recently used one goes first. */

import type { Llama } from "node-llama-cpp";
import { ServiceError } from "../errors.js";
import type { Log } from "../log.js";
import { type AskBusy, type LoadedModel, type LoadSpec, MemoryBusy } from "./engine.js";
import type { Host } from "./host.js";
import { megabytes, memoryFor } from "./memory.js";
import { contextToFit, type Needs } from "./needs.js";
import { isServedBy } from "./spec.js";

export class Residents {
    /** Most recently used first. */
    private hosts: readonly Host[] = [];

    public constructor(private readonly log: Log) {}

    public get infos(): readonly LoadedModel[] {
        return this.hosts.map(({ info }) => info);
    }

    /** @param hasGpu whether layers can lie on a GPU at all */
    public find(spec: LoadSpec, hasGpu: boolean): LoadedModel | undefined {
        return this.infos.find((info) => isServedBy(info, spec, hasGpu));
    }

    public add(host: Host): void {
        this.hosts = [host, ...this.hosts];
    }

    /** The model becomes the most recently used one. @throws ServiceError when it is not loaded any more */
    public use(model: LoadedModel): Host {
        const host = this.hosts.find(({ info }) => info === model);
        if (host === undefined) {
            throw new ServiceError(500, `The model ${model.spec.name} is not loaded any more.`);
        }
        this.hosts = [host, ...this.hosts.filter((other) => other !== host)];
        return host;
    }

    /** @throws MemoryBusy when only models that generate are left to unload */
    public async makeRoom(llama: Llama, spec: LoadSpec, needs: Needs, busy: AskBusy): Promise<void> {
        for (const same of this.hosts.filter(({ info }) => info.spec.file === spec.file)) {
            if (await busy(same.info)) {
                throw new MemoryBusy(`${spec.name} is in use with other settings.`);
            }
            await this.unload(same);
        }
        const wanted = needs.weights + contextToFit(spec, needs) * needs.perToken;
        while (this.hosts.length > 0 && (await memoryFor(llama, needs.onGpu)).free < wanted) {
            const oldest = await this.oldestIdle(busy);
            if (oldest === undefined) {
                throw new MemoryBusy(`${spec.name} needs ${megabytes(wanted)}, which models in use hold.`);
            }
            await this.unload(oldest);
        }
    }

    private async oldestIdle(busy: AskBusy): Promise<Host | undefined> {
        for (const host of [...this.hosts].reverse()) {
            if (!(await busy(host.info))) {
                return host;
            }
        }
        return undefined;
    }

    public async unloadAll(): Promise<void> {
        for (const host of this.hosts) {
            await this.unload(host);
        }
    }

    private async unload(host: Host): Promise<void> {
        this.hosts = this.hosts.filter((other) => other !== host);
        await host.dispose();
        this.log.write("info", "engine", `unloaded ${host.info.spec.name}`);
    }
}
