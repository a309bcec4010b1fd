/** Calls again and again, one call at a time, and not while the page is hidden. */

/**
 * @param {() => Promise<void>} task must not reject
 * @param {number} msec between the end of a call and the next
 * @returns {{ pause: (paused: boolean) => void }}
 */
export function poll(task, msec) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let running = false;
    let paused = false;
    const now = () => {
        clearTimeout(timer);
        if (running || paused || document.hidden) {
            return;
        }
        running = true;
        void task().finally(() => {
            running = false;
            timer = setTimeout(now, msec);
        });
    };
    document.addEventListener("visibilitychange", now);
    now();
    return {
        pause: (wish) => {
            paused = wish;
            now();
        },
    };
}
