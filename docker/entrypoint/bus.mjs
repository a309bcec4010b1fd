// The cards of one vendor on this machine's PCI bus: sysfs shows them in every container, given to it or not.
import { list, readText } from "./files.mjs";

/**
 * @typedef {object} BusCard
 * @property {string} slot 0000:01:00.0
 * @property {string} device its number, as 0x2684
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
 * Whether no build has kernels for a card: older than what the row names.
 * @param {BusCard} card
 * @param {{ below: string } | undefined} unserved
 */
export function isUnserved({ device }, unserved) {
    return unserved !== undefined && Number(device) > 0 && Number(device) < Number(unserved.below);
}
