/** OpenAI's Responses API: answers, streamed and not, and those that are kept. */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Generated, Usage } from "../../engine/engine.js";
import { messageOf, ServiceError } from "../../errors.js";
import { specOf } from "../../models/catalog.js";
import { writerOf } from "../../models/unknown.js";
import { chatRequests } from "../../openai/chat-request.js";
import { openAiError, ParameterFault } from "../../openai/errors.js";
import { Generations, type Run } from "../../openai/generations.js";
import { freshId, type Head, ResponseEvents, responseForm } from "../../responses/form.js";
import { itemsOf } from "../../responses/items.js";
import { chatBody } from "../../responses/request.js";
import { RESPONSE_ANSWER, RESPONSES_SCHEMA, type Item, type ResponsesBody } from "../../responses/schema.js";
import type { Kept } from "../../store/responses.js";
import { answers, MODEL_ERRORS, OPENAI_ERROR_SCHEMA, PLAIN_ERRORS, streamableAnswer } from "../answers.js";
import { statusOf } from "../errors.js";
import { EventStream } from "../event-stream.js";
import { signalOf } from "../gone.js";
import type { Routes } from "../routes.js";
import type { Service } from "../service.js";

/** What was said before. @throws ServiceError 400 */
async function before({ responseTable }: Service, { previous_response_id: id }: ResponsesBody): Promise<readonly Item[]> {
    if (id === undefined || id === null) {
        return [];
    }
    if (!responseTable.keeps) {
        throw new ParameterFault("previous_response_id", "previous_response_id: answers are not kept here (responses.liveHours is 0). Send the whole conversation as input.", "previous_response_not_found");
    }
    const items = await responseTable.itemsUpTo(id);
    if (items.length === 0) {
        throw new ParameterFault("previous_response_id", `Previous response with id '${id.slice(0, 100)}' not found: it was not stored, was deleted, or is too old. Send the whole conversation as input.`, "previous_response_not_found");
    }
    return items;
}

function kept(found: Kept | undefined, id: string): Kept {
    if (found === undefined) {
        throw new ServiceError(404, `Response with id '${id.slice(0, 100)}' not found.`);
    }
    return found;
}

const ID = { type: "object", required: ["id"], properties: { id: { type: "string", minLength: 1 } } } as const;

interface ById {
    readonly Params: { readonly id: string };
}

export const responsesRoutes: Routes = (server, service) => {
    const generations = new Generations(service.models, service.scheduler, service.journal);
    const preHandler = (_request: FastifyRequest, _reply: FastifyReply, done: (fault?: Error) => void): void => done(service.refusal());
    const { responseTable } = service;

    /** How many tokens of an answer were thoughts. */
    const thoughts = async (model: string, { reasoning = "" }: Generated, signal: AbortSignal): Promise<number> => {
        if (reasoning === "") {
            return 0;
        }
        const task = { kind: "tokenize", text: reasoning, special: false, begin: false, pieces: false } as const;
        const finished = await service.scheduler.doText({ spec: specOf(await writerOf(service.models, model)), task, signal, follows: true });
        return "failure" in finished ? 0 : finished.result.count;
    };

    const answer = async (request: FastifyRequest<{ Body: ResponsesBody }>, reply: FastifyReply): Promise<unknown> => {
        const { body } = request;
        const signal = signalOf(reply, service.cut);
        const store = body.store !== false && responseTable.keeps;
        const head: Head = { id: freshId("resp"), createdAt: Math.floor(Date.now() / 1000), body, store };
        const events = new ResponseEvents(head, body.parallel_tool_calls !== false);
        const input = itemsOf(body.input);
        const run: Run = {
            call: "/v1/responses",
            body,
            requestId: request.id,
            signal,
            asked: async () => chatRequests(chatBody(body, await before(service, body)), service.defaultOptions),
            respond: ([one], model, usage) => responseForm(head, model, { status: "completed", output: one === undefined ? [] : [{ type: "text", text: one.text }], usage }),
        };
        const finish = async (ran: { readonly answers: readonly Generated[]; readonly model: string; readonly usage: Usage }): Promise<ReturnType<ResponseEvents["end"]>> => {
            const [one] = ran.answers;
            if (one === undefined) {
                throw new ServiceError(500, "There is no answer.");
            }
            const last = [...events.begin(ran.model), ...events.end({ ...one, usage: ran.usage }, ran.model, await thoughts(ran.model, one, signal))];
            try {
                if (store) {
                    await responseTable.keep(head.id, body.previous_response_id ?? null, { input, response: events.response as Kept["response"] });
                }
                return last;
            } catch (thrown) {
                // The answer is good without it, and says that it is not there.
                service.log.write("warn", "db", `an answer of /v1/responses was not kept: ${messageOf(thrown)}`, request.id);
                events.response = { ...events.response, store: false };
                return last.map((event) => ("response" in event && event === last.at(-1) ? { ...event, response: events.response } : event));
            }
        };
        if (body.stream !== true) {
            await finish(await generations.run(run));
            return events.response;
        }
        const out = new EventStream(reply);
        const send = (list: readonly { readonly type: string }[]): void => list.forEach((event) => out.send(event, event.type));
        let model = body.model;
        try {
            const ran = await generations.run({
                ...run,
                onAdmitted: () => out.keepAlive(),
                onChunk: (_index, chunk, name) => {
                    model = name;
                    send([...events.begin(name), ...events.piece(chunk)]);
                },
            });
            send(await finish(ran));
            out.close();
        } catch (thrown) {
            if (!out.begun) {
                out.abandon();
                throw thrown;
            }
            const { error } = openAiError(statusOf(thrown), thrown).body;
            send([...events.begin(model), events.fail(model, error.code ?? error.type, error.message)]);
            out.close();
        }
        return reply;
    };

    server.post<{ Body: ResponsesBody }>(
        "/v1/responses",
        { preHandler, schema: { tags: ["openai"], summary: "An answer in the newer form; with `stream` as server-sent events", body: RESPONSES_SCHEMA, response: answers(streamableAnswer(RESPONSE_ANSWER), [...MODEL_ERRORS, 404], OPENAI_ERROR_SCHEMA) } },
        answer,
    );

    const about = (summary: string, good: object): object => ({ tags: ["openai"], summary, params: ID, response: answers(good, [...PLAIN_ERRORS, 404, 503], OPENAI_ERROR_SCHEMA) });

    server.get<ById>("/v1/responses/:id", { schema: about("An answer that is kept", RESPONSE_ANSWER) }, async ({ params: { id } }) => kept(await responseTable.find(id), id).response);

    server.get<ById>("/v1/responses/:id/input_items", { schema: about("What it answered", { type: "object" }) }, async ({ params: { id } }) => {
        const data = kept(await responseTable.find(id), id).input.map((item, index) => ({ type: "message", id: `${id}_${index}`, ...item }));
        return { object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: false };
    });

    server.delete<ById>("/v1/responses/:id", { schema: about("Deletes it", { type: "object" }) }, async ({ params: { id } }) => {
        if (!(await responseTable.forget(id))) {
            kept(undefined, id);
        }
        return { id, object: "response", deleted: true };
    });
};
