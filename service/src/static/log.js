/** The pages of both logs: the newest rows as they come, or a day's. */

import { get } from "./api.js";
import { byId, h, part, tell, write } from "./dom.js";
import * as format from "./format.js";
import { filterFiles, showFiles } from "./log-files.js";
import { chatRow, coreRow, factOf } from "./log-rows.js";
import { poll } from "./poll.js";

/** Rows of one answer of the API. */
const PAGE_ROWS = 200;
/** Rows that the page keeps; older ones go. */
const MOST_ROWS = 2000;
const EVERY_MSEC = 1500;
/** From bad to harmless. */
const KINDS = ["error", "warn", "info", "debug", "trace"];

const source = part("main").dataset["log"] === "chat" ? "chat" : "core";
const filter = byId("filter", HTMLInputElement);
const level = byId("level", HTMLSelectElement);
const date = byId("date", HTMLInputElement);
const hour = byId("hour", HTMLSelectElement);
const live = byId("live", HTMLButtonElement);
const box = part("rows-box");
const body = part("rows");
const files = part("files");

/** @type {number | undefined} */
let lastId;
function words() {
    return filter.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/**
 * @param {Element} row
 * @param {readonly string[]} wanted
 */
function passes(row, wanted) {
    const fact = factOf(row);
    if (fact === undefined) {
        return true;
    }
    const fits = level.value === "" || (source === "chat" ? fact.level === level.value : KINDS.indexOf(fact.level) <= KINDS.indexOf(level.value));
    return fits && wanted.every((word) => fact.text.includes(word));
}

function applyFilter() {
    const wanted = words();
    let shown = 0;
    for (const row of body.children) {
        const ok = passes(row, wanted);
        /** @type {HTMLElement} */ (row).hidden = !ok;
        shown += Number(ok);
    }
    if (!files.hidden) {
        filterFiles();
        return;
    }
    const all = body.childElementCount;
    write(part("status"), all === 0 ? "No rows." : shown === all ? format.many(all, "row") : `${format.count(shown)} of ${format.many(all, "row")}`);
}

/** The newest row stays in sight, unless the reader has scrolled away from it. */
function isAtEnd() {
    return box.scrollHeight - box.scrollTop - box.clientHeight < 40;
}

const isLive = () => live.getAttribute("aria-pressed") === "true";

/**
 * The newest rows, oldest first: one page at first, later all since the last one.
 * @returns {Promise<any[]>}
 */
async function freshRows() {
    /** @type {any[]} */
    const rows = [];
    for (;;) {
        const { logs } = await get(`/log/${source}/byid?limit=${PAGE_ROWS}&afterId=${lastId ?? 0}&beforeId=${rows.at(-1)?.id ?? ""}`);
        rows.push(...logs);
        // A page of large texts has fewer rows, so only an empty one is the last.
        if (lastId === undefined || logs.length === 0 || rows.length >= MOST_ROWS) {
            return rows.reverse();
        }
    }
}

async function refresh() {
    try {
        const rows = await freshRows();
        if (!isLive()) {
            return;
        }
        const first = lastId === undefined;
        const follow = first || isAtEnd();
        for (const row of rows) {
            body.append(source === "chat" ? chatRow(row) : coreRow(row));
            lastId = row.id;
        }
        lastId ??= 0;
        while (body.childElementCount > MOST_ROWS) {
            body.firstElementChild?.remove();
        }
        if (rows.length > 0 || first) {
            applyFilter();
        }
        if (follow && rows.length > 0) {
            box.scrollTop = box.scrollHeight;
        }
        tell(part("trouble"), "");
    } catch (thrown) {
        tell(part("trouble"), format.messageOf(thrown));
    }
}

async function showDay() {
    const status = part("status");
    write(status, "Reading");
    try {
        const found = await showFiles(source, date.value, hour.value, words);
        write(status, found === 0 ? "Nothing was logged then." : format.many(found, source === "chat" ? "request" : "hour"));
        tell(part("trouble"), "");
    } catch (thrown) {
        write(status, "");
        tell(part("trouble"), format.messageOf(thrown));
    }
}

const polling = poll(refresh, EVERY_MSEC);

/** @param {boolean} wish */
function setLive(wish) {
    live.setAttribute("aria-pressed", String(wish));
    polling.pause(!wish);
}

function chooseDay() {
    const byDay = date.value !== "";
    setLive(!byDay);
    box.hidden = byDay;
    files.hidden = !byDay;
    level.disabled = byDay;
    if (byDay) {
        void showDay();
    } else {
        hour.value = "";
        applyFilter();
    }
}

hour.replaceChildren(
    h("option", { value: "" }, "all"),
    ...Array.from({ length: 24 }, (_, index) => String(index).padStart(2, "0")).map((value) => h("option", { value }, value)),
);
part("tools").addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", applyFilter);
level.addEventListener("change", applyFilter);
date.addEventListener("change", chooseDay);
hour.addEventListener("change", () => {
    if (date.value === "") {
        // The Swedish form of a date is the one of ISO 8601.
        date.value = new Date().toLocaleDateString("sv");
    }
    chooseDay();
});
live.addEventListener("click", () => {
    if (date.value === "") {
        setLive(!isLive());
    } else {
        date.value = "";
        chooseDay();
    }
});

if (source === "chat") {
    const dialog = byId("delete-dialog", HTMLDialogElement);
    part("delete").addEventListener("click", () => {
        dialog.returnValue = "";
        dialog.showModal();
    });
    dialog.addEventListener("close", () => {
        if (dialog.returnValue === "delete") {
            void get("/log/chat", { method: "DELETE" }).then(
                ({ deleted }) => {
                    body.replaceChildren();
                    lastId = undefined;
                    date.value = "";
                    chooseDay();
                    write(part("status"), `${format.many(deleted, "request")} deleted.`);
                },
                (/** @type {unknown} */ thrown) => tell(part("trouble"), format.messageOf(thrown)),
            );
        }
    });
}
