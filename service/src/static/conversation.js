/** One question and its answer, shown as it comes. */

import { ask, emptyAnswer, rateOf } from "./completion.js";
import { copies, h, write } from "./dom.js";
import { many, messageOf, milliseconds, perSecond } from "./format.js";
import { addArticle, addTurn, fill, isAtEnd, showReasoning, toEnd } from "./transcript.js";

/** @typedef {import("./completion.js").Answer} Answer */
/** @typedef {import("./transcript.js").Turn} Turn */

/**
 * @param {Answer} answer
 * @param {string} end how it ended, if not by itself
 */
function metaOf(answer, end) {
    const { completionTokens, pieces, firstMsec, finish } = answer;
    const tokens = completionTokens ?? pieces;
    const rate = rateOf(answer);
    return [
        tokens > 0 ? `${completionTokens === undefined ? "about " : ""}${many(tokens, "token")}` : "",
        rate === undefined ? "" : `${perSecond(rate)} tokens/s`,
        firstMsec === undefined ? "" : `first after ${milliseconds(firstMsec)}`,
        finish === "length" ? "cut: no room for more" : "",
        end,
    ]
        .filter((text) => text !== "")
        .join(" · ");
}

/**
 * @param {import("./completion.js").Question} question
 * @param {string} text the user's message
 * @param {AbortSignal} signal
 * @param {(status: string) => void} say
 * @returns {Promise<Turn[]>} question and answer; empty when nothing was answered
 */
export async function converse(question, text, signal, say) {
    const asked = addTurn({ role: "user", content: text });
    const view = addArticle("assistant", question.model);
    toEnd();
    const answer = emptyAnswer();
    let frame = 0;
    const draw = () => {
        frame = 0;
        const follow = isAtEnd();
        fill(view.text, answer.text);
        showReasoning(view.thinking, answer.reasoning);
        // The speed is shown beside the answer and not here: screen readers read the status at every change.
        write(view.meta, metaOf(answer, ""));
        say("Generating");
        if (follow) {
            toEnd();
        }
    };
    let end = "";
    say("Waiting for the first token");
    try {
        await ask(question, answer, signal, () => {
            frame ||= requestAnimationFrame(draw);
        });
    } catch (thrown) {
        end = signal.aborted ? "stopped" : messageOf(thrown);
    }
    cancelAnimationFrame(frame);
    draw();
    const failed = end !== "" && !signal.aborted;
    write(view.meta, metaOf(answer, failed ? "failed" : end));
    copies(view.button, () => answer.text);
    if (failed) {
        view.article.append(h("p", { class: "notice error", role: "alert" }, end));
    }
    toEnd();
    say(failed ? "Failed" : end === "" ? "" : "Stopped");
    if (answer.text === "") {
        // Not part of the conversation: the question may be asked again.
        view.button.hidden = true;
        asked.article.classList.add("unanswered");
        return [];
    }
    return [
        { role: "user", content: text },
        { role: "assistant", content: answer.text, reasoning: answer.reasoning, meta: view.meta.textContent, model: question.model },
    ];
}
