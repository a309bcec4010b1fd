/** Small plots over time, drawn as SVG: lines, dots or bars. Colours come from the style sheet. */

import { h, set, svg } from "./dom.js";
import { clock } from "./format.js";
import { timeTicks, valueTicks } from "./ticks.js";

/**
 * @typedef {object} Point
 * @property {number} x milliseconds since the epoch
 * @property {number} y
 * @property {boolean} [bad] drawn as a fault
 */
/**
 * @typedef {object} Series
 * @property {string} name
 * @property {readonly Point[]} points by time
 */
/**
 * @typedef {object} Drawing
 * @property {"line" | "dots" | "bars"} kind bars are stacked
 * @property {number} from
 * @property {number} to
 * @property {readonly Series[]} series
 * @property {(value: number) => string} label of a value
 * @property {(value: number) => string} [tick] of a round value at the axis, where it differs
 * @property {(max: number) => number[]} [ticks] of the value axis, the last one is its end
 * @property {number} [barMsec] a bar's width
 * @property {number} [least] the value axis reaches at least this
 * @property {string} empty the text of a plot without points
 */

const HEIGHT = 190;
const MARGIN = { top: 10, right: 10, bottom: 24, left: 62 };

export class Plot {
    /**
     * @param {HTMLElement} place
     * @param {string} title for those who do not see it
     */
    constructor(place, title) {
        this.title = title;
        this.svg = svg("svg", { class: "plot", role: "img", tabindex: 0, height: HEIGHT });
        this.cursor = svg("g", { class: "cursor" });
        this.legend = h("p", { class: "legend" });
        this.reading = h("output", { class: "reading" });
        place.replaceChildren(h("div", { class: "plot-head" }, this.legend, this.reading), this.svg);
        /** @type {Drawing | undefined} */
        this.drawing = undefined;
        this.index = -1;
        this.svg.addEventListener("pointermove", (event) => this.#point(event.offsetX));
        this.svg.addEventListener("pointerleave", () => this.#choose(-1));
        this.svg.addEventListener("blur", () => this.#choose(-1));
        this.svg.addEventListener("keydown", (event) => this.#key(event));
        new ResizeObserver(() => {
            if (this.drawing !== undefined) {
                this.draw(this.drawing);
            }
        }).observe(place);
    }

    /** @param {Drawing} drawing */
    draw(drawing) {
        this.drawing = drawing;
        const width = Math.max(this.svg.parentElement?.clientWidth ?? 0, 160);
        const { series, kind, from, to, label, tick = label, ticks: ticksTo = valueTicks } = drawing;
        const top = Math.max(drawing.least ?? 0, ...(kind === "bars" ? stackTops(series) : series.flatMap(({ points }) => points.map(({ y }) => y))));
        const ticks = ticksTo(top);
        const end = ticks.at(-1) ?? 1;
        this.x = (/** @type {number} */ at) => MARGIN.left + ((at - from) / (to - from)) * (width - MARGIN.left - MARGIN.right);
        this.y = (/** @type {number} */ value) => HEIGHT - MARGIN.bottom - (value / end) * (HEIGHT - MARGIN.top - MARGIN.bottom);
        set(this.svg, { viewBox: `0 0 ${width} ${HEIGHT}`, width, "aria-label": this.#summary(drawing) });

        const axis = svg("g", { class: "axis" });
        for (const value of ticks) {
            const at = this.y(value);
            axis.append(
                svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
                svg("text", { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, tick(value)),
            );
        }
        for (const at of timeTicks(from, to, Math.max(2, Math.floor(width / 90)))) {
            const text = to - from > 600_000 ? clock(at).slice(0, 5) : clock(at);
            axis.append(svg("text", { x: this.x(at), y: HEIGHT - 6, "text-anchor": "middle" }, text));
        }
        const marks = series.map((one, index) => this.#marks(one, index, drawing));
        const none = series.every(({ points }) => points.length === 0);
        const word = none ? svg("text", { class: "none", x: (MARGIN.left + width) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, drawing.empty) : undefined;
        this.svg.replaceChildren(axis, ...marks, this.cursor);
        if (word !== undefined) {
            this.svg.append(word);
        }
        const names = series.length > 1 ? series.map(({ name }, index) => h("span", { class: `key s${index}` }, name)) : [];
        this.legend.replaceChildren(...names);
        this.#choose(this.index);
    }

    /**
     * @param {Series} series
     * @param {number} index
     * @param {Drawing} drawing
     */
    #marks({ points }, index, { kind, from, barMsec = 60_000, series }) {
        const group = svg("g", { class: `series s${index}` });
        const { x, y } = this;
        if (x === undefined || y === undefined) {
            return group;
        }
        if (kind === "line") {
            const seen = points.filter((point, at) => point.x >= from || (points[at + 1]?.x ?? 0) >= from);
            const path = seen.map((point, at) => `${at === 0 ? "M" : "L"}${Math.max(x(point.x), MARGIN.left).toFixed(1)} ${y(point.y).toFixed(1)}`).join("");
            group.append(svg("path", { d: path }));
        } else if (kind === "dots") {
            for (const point of points) {
                group.append(svg("circle", { cx: x(point.x).toFixed(1), cy: y(point.y).toFixed(1), r: 2.5, class: point.bad === true ? "bad" : undefined }));
            }
        } else {
            const wide = Math.max(x(from + barMsec) - x(from) - 1, 1);
            points.forEach((point, at) => {
                const below = series.slice(0, index).reduce((sum, { points: lower }) => sum + (lower[at]?.y ?? 0), 0);
                if (point.y > 0) {
                    group.append(svg("rect", { x: x(point.x), width: wide, y: y(below + point.y), height: y(below) - y(below + point.y) }));
                }
            });
        }
        return group;
    }

    /** @param {Drawing} drawing */
    #summary({ series, label, empty }) {
        const parts = series
            .filter(({ points }) => points.length > 0)
            .map(({ name, points }) => `${name}: now ${label(points.at(-1)?.y ?? 0)}, at most ${label(points.reduce((most, { y }) => Math.max(most, y), 0))}`);
        return `${this.title}. ${parts.length === 0 ? empty : parts.join("; ")}. Arrow keys read single values.`;
    }

    /** @param {number} offset pixels from the left */
    #point(offset) {
        const points = this.drawing?.series[0]?.points ?? [];
        const half = this.drawing?.kind === "bars" ? (this.drawing.barMsec ?? 0) / 2 : 0;
        let best = -1;
        let distance = Infinity;
        points.forEach(({ x }, index) => {
            const away = Math.abs((this.x?.(x + half) ?? 0) - offset);
            if (away < distance) {
                best = index;
                distance = away;
            }
        });
        this.#choose(best);
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
        const last = (this.drawing?.series[0]?.points.length ?? 0) - 1;
        const steps = { ArrowLeft: -1, ArrowRight: 1 };
        if (event.key === "Escape") {
            this.#choose(-1);
        } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
            event.preventDefault();
            const begin = this.index === -1 ? (event.key === "ArrowLeft" ? last + 1 : -1) : this.index;
            this.#choose(Math.min(Math.max(begin + steps[event.key], 0), last));
        }
    }

    /** @param {number} index of a point, -1 for none */
    #choose(index) {
        const points = this.drawing?.series[0]?.points ?? [];
        const point = points[index];
        this.index = point === undefined ? -1 : index;
        if (point === undefined || this.drawing === undefined || this.x === undefined) {
            this.cursor.replaceChildren();
            this.reading.textContent = "";
            return;
        }
        const { series, label, kind, barMsec = 0 } = this.drawing;
        const at = this.x(point.x + (kind === "bars" ? barMsec / 2 : 0));
        this.cursor.replaceChildren(svg("line", { x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
        const values = series.map(({ name, points: others }) => `${series.length > 1 ? `${name} ` : ""}${label(others[index]?.y ?? 0)}`);
        const fault = point.bad === true ? ", failed" : "";
        this.reading.textContent = `${clock(point.x)}  ${values.join(", ")}${fault}`;
    }
}

/** @param {readonly Series[]} series */
function stackTops(series) {
    return (series[0]?.points ?? []).map((_, at) => series.reduce((sum, { points }) => sum + (points[at]?.y ?? 0), 0));
}
