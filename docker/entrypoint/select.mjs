// Which cards the user has selected, by the variables of the vendor's runtime. Pure.

/**
 * @typedef {import("./table.mjs").Targets} Targets
 * @typedef {import("./kfd.mjs").Card} Card
 *
 * @typedef {Card & { item: string }} Selected `item` names the card in the variable that selects
 */

/**
 * Applies the user's selections in the runtime's order: each is a list of numbers and uuids, of which what
 * follows the first that is not known is ignored.
 * @param {Targets} targets
 * @param {string} select the variable with which cards are left out
 * @param {Card[]} cards
 * @param {NodeJS.ProcessEnv} env
 * @returns {Selected[]}
 */
export function selectCards({ selections }, select, cards, env) {
    /** @type {Selected[]} */
    let selected = cards.map((card, number) => ({ ...card, item: String(number) }));
    for (const names of selections) {
        const list = names.map((name) => env[name] ?? "").find((text) => text !== "");
        if (list === undefined) {
            continue;
        }
        const before = selected;
        const found = itemsOf(list).map((item) => ({ item, card: findCard(before, item) }));
        const unknown = found.findIndex(({ card }) => card === undefined);
        selected = (unknown === -1 ? found : found.slice(0, unknown)).flatMap(({ item, card }, number) => {
            // A later variable counts what an earlier one has left.
            return card === undefined ? [] : [{ ...card, item: names.includes(select) ? item : String(number) }];
        });
    }
    return selected;
}

/** @param {string} list */
export function itemsOf(list) {
    return list.split(",").map((item) => item.trim());
}

/**
 * @param {Selected[]} cards
 * @param {string} item a number, or a uuid
 */
function findCard(cards, item) {
    return /^\d{1,4}$/.test(item)
        ? cards[Number(item)]
        : cards.find(({ uuid }) => uuid !== "" && uuid.toLowerCase() === item.toLowerCase());
}
