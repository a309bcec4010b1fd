// The cards of a vendor on this machine's PCI bus: sysfs shows them in every container, given to it or not.
import { list, readText } from "./files.mjs";

/**
 * @typedef {object} BusCard
 * @property {string} slot 0000:01:00.0
 * @property {string} device its number, as 0x2684
 * @property {string} [maker] where the mode serves cards of several vendors
 */

/** Classes of display controllers (VGA, 3D, other) and of processing accelerators. */
const CARDS = /^0x(?:0300|0302|0380|1200)/;

/**
 * @param {string} root
 * @param {string | undefined} vendor its number on the bus
 * @returns {BusCard[]}
 */
export function readBus(root, vendor) {
    const folder = `${root}/sys/bus/pci/devices`;
    return (vendor === undefined ? [] : list(folder))
        .filter((slot) => readText(`${folder}/${slot}/vendor`).trim() === vendor)
        .filter((slot) => CARDS.test(readText(`${folder}/${slot}/class`)))
        .map((slot) => ({ slot, device: readText(`${folder}/${slot}/device`).trim() }));
}

/**
 * The cards that a mode may serve.
 * @param {string} root
 * @param {Pick<import("./table.mjs").Mode, "vendor" | "vendors">} mode
 * @returns {BusCard[]}
 */
export function readCards(root, { vendor, vendors = [] }) {
    const others = vendors.flatMap(({ name, pci }) => readBus(root, pci).map((card) => ({ ...card, maker: name })));
    return [...readBus(root, vendor?.pci), ...others];
}

/**
 * Whether no build has kernels for a card: older than what the row names.
 * @param {BusCard} card
 * @param {{ below: string } | undefined} unserved
 */
export function isUnserved({ device }, unserved) {
    return unserved !== undefined && Number(device) > 0 && Number(device) < Number(unserved.below);
}
