/** Notices within a second or two that something changed in folders, where the system tells (inotify). */

import { type FSWatcher, watch } from "node:fs";
import type { Folder } from "./scan.js";

/** After this long without another change, milliseconds: a copy writes many times. */
const QUIET_MSEC = 300;

/** A file that is written all the time is looked at this often, milliseconds. */
const LATEST_MSEC = 1500;

/** Folders that are watched, at most: the system has few watches for all programs of a user. */
const MOST_FOLDERS = 512;

export class FolderWatch {
    private readonly watchers = new Map<string, FSWatcher>();
    private timer: NodeJS.Timeout | undefined;
    /** Of the first change that was not told yet, by `performance.now()`. */
    private since: number | undefined;
    private closed = false;

    public constructor(private readonly onChange: () => void) {}

    /** Watches these folders from now on, and no others. A folder that cannot be watched is not. */
    public update(folders: readonly Folder[]): void {
        if (this.closed) {
            return;
        }
        const wanted = new Map(folders.slice(0, MOST_FOLDERS).map((folder) => [`${folder.inode} ${folder.path}`, folder.path]));
        for (const [key, watcher] of this.watchers) {
            if (!wanted.has(key)) {
                watcher.close();
                this.watchers.delete(key);
            }
        }
        let added = false;
        for (const [key, path] of wanted) {
            added = (!this.watchers.has(key) && this.add(key, path)) || added;
        }
        if (added) {
            // What came between the search and the watch.
            this.note();
        }
    }

    public close(): void {
        this.closed = true;
        clearTimeout(this.timer);
        this.watchers.forEach((watcher) => watcher.close());
        this.watchers.clear();
    }

    private add(key: string, path: string): boolean {
        try {
            const watcher = watch(path, { persistent: false }, () => this.note());
            watcher.on("error", () => {
                watcher.close();
                this.watchers.delete(key);
            });
            this.watchers.set(key, watcher);
            return true;
        } catch {
            // No watches left, or a file system without them: the search every minute finds it.
            return false;
        }
    }

    private note(): void {
        const now = performance.now();
        this.since ??= now;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
            this.since = undefined;
            this.onChange();
        }, Math.max(0, Math.min(QUIET_MSEC, this.since + LATEST_MSEC - now)));
        this.timer.unref();
    }
}
