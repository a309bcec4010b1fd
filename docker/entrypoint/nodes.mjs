// The device nodes of a mode: which of them are there, and whether this user may use them.
import { constants, existsSync } from "node:fs";
import { basename, dirname } from "node:path";

import { list, readText, refusalOf, statusOf } from "./files.mjs";

/**
 * @typedef {"" | "rights" | "unmapped" | "rule" | "label"} Denial why a node may not be used: its mode and group;
 *   a group that this user namespace does not have; the engine's rules for devices; SELinux
 *
 * @typedef {object} DeviceNode
 * @property {string} path
 * @property {boolean} usable this user may read and write it
 * @property {number} group
 * @property {Denial} [denied]
 *
 * @typedef {object} Identity who asks
 * @property {number} uid
 * @property {number[]} groups
 * @property {number} overflow the group that stands for those that have no number in here
 * @property {string} label SELinux's, of this process; empty without SELinux
 *
 * @typedef {{ uid: number, gid: number, mode: number }} Owner of a node
 */

/**
 * The paths that a pattern of the table stands for: * is any text and [0-9] a digit, in its last part.
 * @param {string} root
 * @param {string} pattern
 * @returns {string[]} below the root, as /dev/kfd
 */
export function expand(root, pattern) {
    if (!/[*[]/.test(pattern)) {
        return existsSync(`${root}/${pattern}`) ? [`/${pattern}`] : [];
    }
    const words = basename(pattern).split(/(\*|\[0-9\])/).map((part) => {
        return part === "*" ? ".*" : part === "[0-9]" ? part : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    });
    const name = new RegExp(`^${words.join("")}$`);
    const folder = dirname(pattern);
    return list(`${root}/${folder}`).filter((entry) => name.test(entry)).map((entry) => `/${folder}/${entry}`);
}

/**
 * The nodes of a pattern, without those that sysfs knows as another vendor's: a processor's own graphics and a
 * virtual machine's display have a render node, too.
 * @param {string} root
 * @param {string} pattern
 * @param {string[]} makers their numbers on the PCI bus; none: anybody's
 * @param {number} uid
 * @returns {DeviceNode[]}
 */
export function readNodes(root, pattern, makers, uid) {
    return expand(root, pattern)
        .filter((path) => {
            const maker = readText(`${root}/sys/class/drm/${basename(path)}/device/vendor`).trim();
            return makers.length === 0 || maker === "" || makers.includes(maker);
        })
        .map((path) => readNode(root, path, uid));
}

/**
 * @param {string} root
 * @param {string} path
 * @param {number} uid
 * @returns {DeviceNode}
 */
function readNode(root, path, uid) {
    const full = root + path;
    const owner = statusOf(full) ?? { uid: 0, gid: 0, mode: 0 };
    const code = refusalOf(full, constants.R_OK | constants.W_OK);
    if (code === "") {
        return { path, usable: true, group: owner.gid };
    }
    return { path, usable: false, group: owner.gid, denied: whyDenied(code, owner, readIdentity(root, uid)) };
}

/**
 * @param {string} root
 * @param {number} uid
 * @returns {Identity}
 */
function readIdentity(root, uid) {
    return {
        uid,
        groups: [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])],
        overflow: Number(readText(`${root}/proc/sys/kernel/overflowgid`).trim() || "65534"),
        label: readText(`${root}/proc/self/attr/current`).replaceAll("\0", "").trim(),
    };
}

/**
 * @param {string} code of the system's refusal
 * @param {Owner} owner
 * @param {Identity} identity
 * @returns {Denial}
 */
export function whyDenied(code, owner, { uid, groups, overflow, label }) {
    if (code === "EPERM") {
        return "rule";
    }
    const shift = uid === owner.uid ? 6 : groups.includes(owner.gid) ? 3 : 0;
    // Root has no power over what belongs to users outside of its user namespace.
    const allowed = ((owner.mode >> shift) & 6) === 6 || (uid === 0 && owner.gid !== overflow);
    if (allowed && /^[^:()]+:[^:]+:[^:]+/.test(label)) { // user:role:type, as SELinux has them; AppArmor has "name (mode)"
        return "label";
    }
    return owner.gid === overflow ? "unmapped" : "rights";
}
