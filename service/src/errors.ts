/** The service's errors: one family for requests (a status code each), one for the start (an exit code each). */

/** A request that cannot be answered; becomes `{"error"}` with this status in http/errors.ts, and nowhere else. */
export class ServiceError extends Error {
    /**
     * @param statusCode HTTP status
     * @param retryAfterSeconds what the `Retry-After` header says; only for 429 and 503
     */
    public constructor(
        public readonly statusCode: number,
        message: string,
        public readonly retryAfterSeconds?: number,
    ) {
        super(message);
        this.name = "ServiceError";
    }
}

/** The request cannot be answered as it is: 400. */
export function badRequest(message: string): ServiceError {
    return new ServiceError(400, message);
}

/** The prompt or a text has more tokens than the context: 400 with a code of its own, as clients shorten it and try again. */
export class ContextOverflow extends ServiceError {
    /** @param of what is too long, as OpenAI names the parameter */
    public constructor(
        public readonly of: "messages" | "prompt" | "input",
        message: string,
    ) {
        super(400, message);
    }
}

/** The answer took longer than it may: 400, as the same request would take as long again. */
export class TimeLimitReached extends ServiceError {
    public constructor(message: string) {
        super(400, message);
    }
}

/** The client closed the connection. No client reads this answer; proxies log it as 499. */
export function clientGoneError(): ServiceError {
    return new ServiceError(499, "The client closed the connection.");
}

/** The service is about to stop. */
export function shuttingDownError(): ServiceError {
    return new ServiceError(503, "The service is shutting down.", 10);
}

/** The GPU is gone. The service does not go on with the CPU, which would be slow without a word. */
export function gpuLostError(why: string): ServiceError {
    return new ServiceError(503, `The GPU was lost: ${why}. The service ends, so that it is started again.`, 60);
}

/** The engine's process ended while it worked on the request. It is started again, so the same request may be tried again. */
export class EngineLost extends ServiceError {
    public constructor() {
        super(503, "The engine ended while it worked on this request, and is started again. The log says why it ended. Send the request again.", 2);
    }
}

/** The service cannot start or go on; caught once, in index.ts. */
export class StartError extends Error {
    /** @param exitCode of the process: 2 for what the caller wrote, 3 for a backend that cannot be used, 4 for a port, 5 for an engine that ends again and again, 6 for a lost GPU */
    public constructor(
        public readonly exitCode: number,
        public readonly lines: readonly string[],
    ) {
        super(lines.join("\n"));
        this.name = "StartError";
    }
}

/** Any thrown value as an error of a request; unknown ones become 500. */
export function toServiceError(thrown: unknown): ServiceError {
    return thrown instanceof ServiceError ? thrown : new ServiceError(500, messageOf(thrown));
}

/** Any thrown value as one line of text. */
export function messageOf(thrown: unknown): string {
    return thrown instanceof Error ? thrown.message : String(thrown);
}
