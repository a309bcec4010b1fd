// Whether the image has kernels for the cards: holds the cards' targets against those that the plugin
// was compiled for. Pure.
import { selectCards } from "./select.mjs";

/**
 * @typedef {import("./table.mjs").Mode} Mode
 * @typedef {import("./table.mjs").Targets} Targets
 * @typedef {import("./kfd.mjs").Card} Card
 * @typedef {import("./select.mjs").Selected} Selected
 *
 * @typedef {object} Fit
 * @property {boolean} fits
 * @property {string} finding what is to be added to what was found
 * @property {string} remedy where it does not fit; empty where nothing helps
 * @property {Record<string, string>} environment what makes it fit
 * @property {string[]} notes for the log
 * @property {boolean} integrated what fits is processors' own graphics, which the CPU may outdo
 */

/**
 * @param {Mode} mode
 * @param {Card[]} all in the order of their numbers; empty where unknown
 * @param {string[]} compiled the targets that the image has kernels for; none where it does not say
 * @param {NodeJS.ProcessEnv} env the user's variables
 * @param {boolean} demanded the user wants this mode and no other
 * @returns {Fit}
 */
export function fitCards(mode, all, compiled, env, demanded) {
    const { targets } = mode;
    const cards = targets === undefined ? [] : selectCards(targets, mode.select ?? "", all, env);
    if (targets === undefined || cards.length === 0 || cards.some(({ target }) => target === "")) {
        return fit(); // the probe will show it
    }
    const override = env[targets.override] ?? "";
    if (override !== "") {
        return fit({ notes: [`${targets.override}=${override} is set by the user, and kept`] });
    }
    const able = compiled.length === 0 ? cards : cards.filter((card) => kernelsFor(targets, card, compiled) !== undefined);
    if (able.length === 0) {
        return withoutKernels(targets, cards, compiled);
    }
    const { taken, why, tooFew } = demanded ? { taken: able, why: "", tooFew: undefined } : withoutIntegrated(mode, able);
    if (tooFew !== undefined) {
        return fit({ fits: false, finding: tooFew });
    }
    const left = leaveOut(mode, cards, taken, able, why);
    const { finding, environment, notes } = overrides(targets, taken, compiled);
    return fit({
        finding: finding + left.finding,
        environment: { ...environment, ...left.environment },
        notes: [...notes, ...left.notes],
        integrated: !demanded && taken.every((card) => isIntegrated(mode, card)),
    });
}

/**
 * The target whose kernels a card runs: its own, or the nearest that the image has.
 * @param {Targets} targets
 * @param {Card} card
 * @param {string[]} compiled
 */
function kernelsFor(targets, { target }, compiled) {
    return [target, ...(targets.substitutes.names[target] ?? [])].find((name) => compiled.includes(name));
}

/**
 * @param {Targets} targets
 * @param {Card[]} cards
 * @param {string[]} compiled
 */
function withoutKernels({ option, unserved }, cards, compiled) {
    const names = [...new Set(cards.map(({ target }) => target))];
    if (unserved !== undefined && names.every((name) => new RegExp(`^(?:${unserved.pattern})$`).test(name))) {
        return fit({ fits: false, finding: `, but no build has kernels for ${names.join(", ")}: ${unserved.cause}` });
    }
    return fit({
        fits: false,
        finding: `, but the image has no kernels for ${names.join(", ")} (only for ${compiled.join(" ")})`,
        remedy: `Use an image that was built with ${option} ${names.join(",")}`,
    });
}

/**
 * @param {Mode} mode
 * @param {Card} card
 */
function isIntegrated({ integrated }, { target }) {
    return integrated?.targets?.includes(target) === true;
}

/**
 * A processor's own graphics slow down the cards beside them; alone, with few compute units, they are slower
 * than the processor.
 * @param {Mode} mode
 * @param {Selected[]} cards
 */
function withoutIntegrated(mode, cards) {
    const cardsProper = cards.filter((card) => !isIntegrated(mode, card));
    if (cardsProper.length > 0) {
        return { taken: cardsProper, why: "of a processor's own graphics", tooFew: undefined };
    }
    const minimum = mode.integrated?.minimumUnits ?? 0;
    const weak = cards.every(({ units }) => units < minimum);
    const described = cards.map(({ target, units }) => `${target} has ${units}`).join(", ");
    const tooFew = `, but ${described} compute units and is a processor's own graphics (from ${minimum} on it would be measured)`;
    return { taken: cards, why: "", tooFew: weak ? tooFew : undefined };
}

/**
 * Leaves out cards: one without kernels would end the service when it is first used.
 * @param {Mode} mode
 * @param {Selected[]} cards
 * @param {Selected[]} taken
 * @param {Selected[]} able those that have kernels
 * @param {string} why those that have are left out
 */
function leaveOut({ select = "" }, cards, taken, able, why) {
    const others = cards.filter((card) => !taken.includes(card));
    if (others.length === 0 || select === "") {
        return { finding: "", environment: {}, notes: [] };
    }
    const selected = taken.map(({ item }) => item).join(",");
    const names = (/** @type {Selected[]} */ some) => some.map(({ target }) => target).join(", ");
    const lacking = others.filter((card) => !able.includes(card));
    const reasons = [
        ...(lacking.length > 0 ? [`the image has no kernels for ${names(lacking)}`] : []),
        ...(others.length > lacking.length ? [`without ${names(others.filter((card) => able.includes(card)))} ${why}`] : []),
    ];
    return {
        finding: `, without ${names(others)}`,
        environment: { [select]: selected },
        notes: [`${select}=${selected}: ${reasons.join("; ")}`],
    };
}

/**
 * What makes cards run kernels of relatives: one variable for all of them, or one for each, by the number of
 * its node, where they are mixed.
 * @param {Targets} targets
 * @param {Card[]} cards
 * @param {string[]} compiled
 */
function overrides(targets, cards, compiled) {
    const pairs = cards.map((card) => ({ card, kernels: kernelsFor(targets, card, compiled) ?? card.target }));
    const foreign = pairs.filter(({ card, kernels }) => kernels !== card.target);
    if (foreign.length === 0) {
        return { finding: "", environment: {}, notes: [] };
    }
    const same = foreign.length === pairs.length && new Set(foreign.map(({ kernels }) => kernels)).size === 1;
    const rows = foreign.map(({ card, kernels }) => {
        const name = same ? targets.override : targets.overrideNode.replace("{node}", String(card.node));
        return { name, version: overrideVersion(kernels), kernels, target: card.target };
    });
    const texts = rows.map(({ name, version, kernels, target }) => {
        return same ? `as ${kernels} (${name}=${version})` : `${target} as ${kernels} (${name}=${version})`;
    });
    const uses = [...new Set(rows.map(({ name, version, kernels }) => `${name}=${version}: those for ${kernels} are used`))];
    const names = [...new Set(rows.map(({ target }) => target))].join(", ");
    return {
        finding: `, ${[...new Set(texts)].join(", ")}`,
        environment: Object.fromEntries(rows.map(({ name, version }) => [name, version])),
        notes: uses.map((text) => `${text}, since the image has no kernels for ${names}`),
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
    return { fits: true, finding: "", remedy: "", environment: {}, notes: [], integrated: false, ...parts };
}
