// Each of several cards by itself: which of them a candidate serves. Pure.
import { itemsOf } from "./select.mjs";

/**
 * @typedef {import("./result.mjs").ListedCard} ListedCard
 *
 * @typedef {object} Tried a card that was proven alone
 * @property {ListedCard} card
 * @property {string} item names it in the variable that selects
 * @property {string} fault empty where it computes
 *
 * @typedef {{ name: string, fault: string }} LeftOut
 *
 * @typedef {object} Selection
 * @property {string[]} items of the cards that are to be used; all of them need no selection
 * @property {boolean} together whether it is to be proven that they compute together
 * @property {LeftOut[]} left
 */

/**
 * How the cards are named in the variable that selects: as the user has named them, else by their number.
 * @param {string[]} names variables that select, of which the first that is set counts
 * @param {NodeJS.ProcessEnv} env
 * @param {number} count of the cards that the plugin lists
 * @returns {string[] | undefined} undefined where the user's list is of another kind
 */
export function itemsFor(names, env, count) {
    const list = names.map((name) => env[name] ?? "").find((text) => text !== "");
    if (list === undefined) {
        return Array.from({ length: count }, (_, number) => String(number));
    }
    const items = itemsOf(list);
    return items.length >= count ? items.slice(0, count) : undefined;
}

/**
 * @param {Tried[]} tried each card alone
 * @param {string} fault of all together; empty where they compute
 * @returns {Selection}
 */
export function selectServed(tried, fault) {
    const good = tried.filter((one) => one.fault === "");
    const left = tried.filter((one) => one.fault !== "").map(({ card, fault: why }) => ({ name: card.name, fault: why }));
    if (good.length > 1 && good.length === tried.length && fault !== "") {
        return selectLargest(good, left, fault);
    }
    return { items: good.map(({ item }) => item), together: left.length > 0 && good.length > 1, left };
}

/**
 * The card with the most memory, where cards that compute alone do not compute together.
 * @param {Tried[]} good
 * @param {LeftOut[]} left those that were left out before
 * @param {string} fault of them together
 * @returns {Selection}
 */
export function selectLargest(good, left, fault) {
    const largest = good.reduce((one, other) => (other.card.memory > one.card.memory ? other : one));
    const others = good.filter((one) => one !== largest).map(({ card }) => ({ name: card.name, fault: `beside another card: ${fault}` }));
    return { items: [largest.item], together: false, left: [...left, ...others] };
}

/**
 * @param {LeftOut[]} left
 * @returns {string} "NVIDIA GTX 1060 (it aborted)"
 */
export function describeLeft(left) {
    return left.map(({ name, fault }) => `${name} (${fault})`).join(", ");
}
