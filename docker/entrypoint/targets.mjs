// Whether the image has kernels for the cards: holds the cards' targets against those that the plugin
// was compiled for. Pure.

/**
 * @typedef {import("./table.mjs").Targets} Targets
 *
 * @typedef {object} Fit
 * @property {boolean} fits
 * @property {string} finding what is to be added to what was found
 * @property {string} remedy where it does not fit
 * @property {Record<string, string>} environment what makes it fit
 * @property {string[]} notes for the log
 */

/**
 * @param {Targets} targets
 * @param {string[]} all the target of each card, in the order of their numbers; empty where unknown
 * @param {string[]} compiled the targets that the image has kernels for; none where it does not say
 * @param {NodeJS.ProcessEnv} env the user's variables
 * @returns {Fit}
 */
export function fitCards(targets, all, compiled, env) {
    const cards = selectCards(targets, all, env);
    if (compiled.length === 0 || cards.length === 0 || cards.includes("")) {
        return fit(); // the probe will show it
    }
    const override = env[targets.override] ?? "";
    if (override !== "") {
        return fit({ notes: [`${targets.override}=${override} is set by the user, and kept`] });
    }
    if (cards.some((card) => compiled.includes(card))) {
        return fit(leaveOut(targets, cards, env, (card) => compiled.includes(card)));
    }
    const names = targets.substitutes.names;
    const substitute = cards.flatMap((card) => names[card] ?? []).find((name) => compiled.includes(name));
    if (substitute === undefined) {
        return fit({
            fits: false,
            finding: `, but the image has no kernels for ${cards.join(", ")} (only for ${compiled.join(" ")})`,
            remedy: `Use an image that was built with ${targets.option} ${[...new Set(cards)].join(",")}`,
        });
    }
    const version = overrideVersion(substitute);
    const rest = leaveOut(targets, cards, env, (card) => (names[card] ?? []).includes(substitute));
    return fit({
        finding: `, as ${substitute} (${targets.override}=${version})${rest.finding}`,
        environment: { [targets.override]: version, ...rest.environment },
        notes: [
            `${targets.override}=${version}: the image has no kernels for ${cards.join(", ")}, `
                + `those for ${substitute} are used`,
            ...rest.notes,
        ],
    });
}

/**
 * The cards that the user has selected. All of them where that is not one list of their numbers: uuids
 * are not known here, and of several lists it is the runtime that knows which one counts.
 * @param {Targets} targets
 * @param {string[]} cards
 * @param {NodeJS.ProcessEnv} env
 */
function selectCards({ userVisible }, cards, env) {
    const [list = "", ...others] = new Set(userVisible.map((name) => env[name] ?? "").filter((text) => text !== ""));
    if (others.length > 0 || !/^\d+(,\d+)*$/.test(list)) {
        return cards;
    }
    const selected = list.split(",").flatMap((number) => cards[Number(number)] ?? []);
    return selected.length > 0 ? selected : cards; // the probe finds no device
}

/**
 * Leaves out the cards that have no kernels: one of them (a processor's own graphics, say) would end
 * the service when it is first used. Where the user has selected cards, that stays.
 * @param {Targets} targets
 * @param {string[]} cards
 * @param {NodeJS.ProcessEnv} env
 * @param {(card: string) => boolean} runs whether a card has kernels
 */
function leaveOut(targets, cards, env, runs) {
    const others = cards.filter((card) => !runs(card)).join(", ");
    if (others === "" || targets.userVisible.some((name) => (env[name] ?? "") !== "")) {
        return { finding: "", environment: {}, notes: [] };
    }
    const selected = cards.flatMap((card, number) => (runs(card) ? [number] : [])).join(",");
    return {
        finding: `, without ${others}`,
        environment: { [targets.visible]: selected },
        notes: [`${targets.visible}=${selected}: the image has no kernels for ${others}`],
    };
}

/**
 * The version that a card is to report: gfx1030 is 10.3.0, gfx90a is 9.0.10.
 * @param {string} target
 */
function overrideVersion(target) {
    const digits = target.replace(/^gfx/, "");
    const [minor, stepping] = [digits.slice(-2, -1), digits.slice(-1)].map((digit) => parseInt(digit, 16));
    return [Number(digits.slice(0, -2)), minor, stepping].join(".");
}

/**
 * A fit that needs nothing, but for these parts.
 * @param {Partial<Fit>} [parts]
 * @returns {Fit}
 */
export function fit(parts) {
    return { fits: true, finding: "", remedy: "", environment: {}, notes: [], ...parts };
}
