/** Calls of the service's API. If the service needs a key, the page asks for it once and keeps it in this tab. */

import { byId, part, write } from "./dom.js";

const KEY = "mentator.key";

/** Whether this tab has a key. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

export class ApiError extends Error {
    /**
     * @param {number} status
     * @param {string} message
     */
    constructor(status, message) {
        super(message);
        this.name = "ApiError";
        this.status = status;
    }
}

/** @type {Promise<boolean> | undefined} */
let asking;

/** Calls that need the key while the dialog is open wait for the same answer. */
function askForKey() {
    asking ??= ask().finally(() => {
        asking = undefined;
    });
    return asking;
}

/** @returns {Promise<boolean>} whether there is a key to try */
function ask() {
    const dialog = byId("key-dialog", HTMLDialogElement);
    const input = byId("key-input", HTMLInputElement);
    if (sessionStorage.getItem(KEY) !== null) {
        write(part("key-why"), "The service does not accept this key. Enter another one.");
    }
    input.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
        byId("key-cancel", HTMLButtonElement).onclick = () => dialog.close();
        dialog.onclose = () => {
            const given = dialog.returnValue === "ok" && input.value !== "";
            if (given) {
                sessionStorage.setItem(KEY, input.value);
            }
            input.value = "";
            resolve(given);
        };
    });
}

/** @param {unknown} body */
function messageOf(body) {
    const error = body !== null && typeof body === "object" && "error" in body ? body.error : undefined;
    if (typeof error === "string") {
        return error;
    }
    // OpenAI's form.
    const inner = error !== null && typeof error === "object" && "message" in error ? error.message : undefined;
    return typeof inner === "string" ? inner : "";
}

/** @param {Response} response */
async function errorOf(response) {
    /** @type {unknown} */
    const body = await response.json().catch(() => undefined);
    const wait = response.headers.get("retry-after");
    const message = messageOf(body) || `The service answered ${response.status} ${response.statusText}.`;
    return new ApiError(response.status, wait === null ? message : `${message} Try again in ${wait} s.`);
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} a good one
 * @throws {ApiError} status 0 when the service cannot be reached; the signal's reason when aborted
 */
export async function request(path, init = {}) {
    for (;;) {
        const key = sessionStorage.getItem(KEY);
        const headers = new Headers(init.headers);
        if (key !== null) {
            headers.set("authorization", `Bearer ${key}`);
        }
        /** @type {Response} */
        let response;
        try {
            response = await fetch(path, { ...init, headers });
        } catch (thrown) {
            init.signal?.throwIfAborted();
            throw new ApiError(0, `The service cannot be reached: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        }
        if (response.ok) {
            return response;
        }
        const error = await errorOf(response);
        // Another call may have got a key meanwhile.
        if (error.status !== 401 || (sessionStorage.getItem(KEY) === key && !(await askForKey()))) {
            throw error;
        }
    }
}

/**
 * The answer is as the OpenAPI document says: the caller knows its type.
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
export async function get(path, init) {
    return (await request(path, init)).json();
}

/**
 * @param {string} path
 * @param {object} body
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export function send(path, body, init = {}) {
    return request(path, { ...init, method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/**
 * @param {string} path
 * @param {object} body
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
export async function post(path, body, init) {
    return (await send(path, body, init)).json();
}
