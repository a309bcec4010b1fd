/** The service's figures for Prometheus: counted when requests end, or measured when they are asked for. */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Usage } from "../engine/engine.js";
import type { Duration } from "../schedule/scheduler.js";

/** A figure that is measured when /metrics is asked for. */
export interface Measured {
    readonly name: string;
    readonly help: string;
    /** It only grows: a counter in Prometheus' terms, else a gauge. */
    readonly counts?: boolean;
    readonly read: () => number | Promise<number>;
}

/** A request for a model that has ended. */
interface Served {
    readonly call: string;
    readonly code: number;
    readonly duration: Duration;
    readonly usage?: Usage;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const TOKENS_A_SECOND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

export class Metrics {
    /** Not prom-client's global one: a process may hold several services, as in tests. */
    private readonly registry = new Registry();
    private readonly requests: Counter<"method" | "route" | "status">;
    private readonly requestSeconds: Histogram<"route">;
    private readonly served: Counter<"call" | "status">;
    private readonly promptTokens: Counter;
    private readonly cachedTokens: Counter;
    private readonly completionTokens: Counter;
    private readonly promptRate: Histogram;
    private readonly completionRate: Histogram;
    private readonly firstTokenSeconds: Histogram;
    private readonly queueSeconds: Histogram;
    private readonly keyRequests: Counter<"key" | "status">;
    private readonly keyTokens: Counter<"key" | "kind">;

    public constructor(
        info: Readonly<Record<string, string>>,
        measured: readonly Measured[],
    ) {
        const registers = [this.registry];
        const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
        const histogram = (name: string, help: string, buckets: number[]): Histogram => new Histogram({ name, help, buckets, registers });
        const labels = Object.keys(info);
        new Gauge({ name: "mentator_info", help: "Version and backend; always 1", labelNames: labels, registers }).set({ ...info }, 1);
        for (const { name, help, read } of measured.filter(({ counts }) => counts === true)) {
            new Counter({
                name,
                help,
                registers,
                async collect() {
                    const now = await read();
                    this.reset();
                    this.inc(now);
                },
            });
        }
        for (const { name, help, read } of measured.filter(({ counts }) => counts !== true)) {
            new Gauge({
                name,
                help,
                registers,
                async collect() {
                    this.set(await read());
                },
            });
        }
        this.requests = new Counter({
            name: "mentator_http_requests_total",
            help: "Answered HTTP requests",
            labelNames: ["method", "route", "status"],
            registers,
        });
        this.requestSeconds = new Histogram({
            name: "mentator_http_request_duration_seconds",
            help: "Time from a request's head to its answer's end",
            labelNames: ["route"],
            buckets: SECONDS,
            registers,
        });
        this.served = new Counter({
            name: "mentator_model_requests_total",
            help: "Requests for a model, by call and by the status they ended with",
            labelNames: ["call", "status"],
            registers,
        });
        this.promptTokens = counter("mentator_prompt_tokens_total", "Tokens of prompts");
        this.cachedTokens = counter("mentator_prompt_tokens_cached_total", "Tokens of prompts that a slot still held and that were not computed again");
        this.completionTokens = counter("mentator_completion_tokens_total", "Tokens that were generated");
        this.promptRate = histogram("mentator_prompt_tokens_per_second", "Speed of reading a prompt, without what was cached", TOKENS_A_SECOND);
        this.completionRate = histogram("mentator_completion_tokens_per_second", "Speed of one answer, from its first token on", TOKENS_A_SECOND);
        this.firstTokenSeconds = histogram("mentator_time_to_first_token_seconds", "From leaving the queue to the first token; loading is not in it", SECONDS);
        this.queueSeconds = histogram("mentator_queue_seconds", "Wait in the queue", SECONDS);
        this.keyRequests = new Counter({ name: "mentator_key_requests_total", help: "Requests for a model, by the name of the API key", labelNames: ["key", "status"], registers });
        this.keyTokens = new Counter({ name: "mentator_key_tokens_total", help: "Tokens of prompts and of answers, by the name of the API key", labelNames: ["key", "kind"], registers });
    }

    public readonly contentType = this.registry.contentType;

    public countAnswer(method: string, route: string, status: number, seconds: number): void {
        this.requests.inc({ method, route, status: String(status) });
        this.requestSeconds.observe({ route }, seconds);
    }

    public countRequest({ call, code, duration, usage }: Served): void {
        this.served.inc({ call, status: String(code) });
        this.queueSeconds.observe(duration.queueMsec / 1000);
        if (usage === undefined) {
            return;
        }
        const { promptTokens, cachedTokens = 0, completionTokens, tokensPerSecond, firstTokenMsec } = usage;
        this.promptTokens.inc(promptTokens);
        this.cachedTokens.inc(cachedTokens);
        this.completionTokens.inc(completionTokens);
        if (completionTokens > 0 && tokensPerSecond > 0) {
            this.completionRate.observe(tokensPerSecond);
        }
        if (firstTokenMsec !== undefined) {
            this.firstTokenSeconds.observe(firstTokenMsec / 1000);
            const computed = promptTokens - cachedTokens;
            if (computed > 0 && firstTokenMsec > 0) {
                this.promptRate.observe((computed / firstTokenMsec) * 1000);
            }
        }
    }

    /** @param key its name; undefined where keys have no names */
    public countKey(key: string | undefined, { code, usage }: Pick<Served, "code" | "usage">): void {
        if (key === undefined) {
            return;
        }
        this.keyRequests.inc({ key, status: String(code) });
        this.keyTokens.inc({ key, kind: "prompt" }, usage?.promptTokens ?? 0);
        this.keyTokens.inc({ key, kind: "completion" }, usage?.completionTokens ?? 0);
    }

    public async text(): Promise<string> {
        return this.registry.metrics();
    }
}
