/** What tools may reach outside of the sandbox: the configuration's section `tools`. Pure. */

export interface Access {
    /** Absolute. LIB.fs reads and writes below these; empty: nothing. */
    readonly folders: readonly string[];
    /** LIB.http and LIB.fetch. */
    readonly http: boolean;
}

export const NO_FILES: Access = { folders: [], http: true };

/** What the code seems to use and will not get, as sentences for the log. */
export function ungranted(code: string, access: Access): string[] {
    const used = new Set([...code.matchAll(/\bLIB\s*(?:\?\.|\.)\s*(\w+)/g)].map(([, name]) => name));
    const faults: string[] = [];
    if (used.has("fs") && access.folders.length === 0) {
        faults.push("uses LIB.fs, which is not granted: name the folders in tools.folders of the configuration");
    }
    if ((used.has("http") || used.has("fetch")) && !access.http) {
        faults.push("uses the network, which is not granted: set tools.http of the configuration to true");
    }
    if (used.has("db")) {
        faults.push("uses LIB.db, which this service does not have: reach the database through an HTTP service and LIB.http");
    }
    return faults;
}
