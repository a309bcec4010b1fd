#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum {
    // More threads than this are not looked at: those that compute are few.
    MOST_THREADS = 512,
    SHORT_TEXT = 128,
    LINE_TEXT = 512,
    DECIMAL = 10,
};

static const double NSEC = 1e9;

// Threads that wanted less than this part of a CPU do something else than compute.
static const double COMPUTES = 0.1;

// A thread's times since it began, in nanoseconds.
struct times {
    long thread;
    long long run;
    long long waited;
};
struct list {
    struct times of[MOST_THREADS];
    int count;
};

static bool read_text(const char * path, char * text, size_t size) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t length = read(file, text, size - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool read_times(long thread, struct times * times) {
    char path[SHORT_TEXT];
    char text[SHORT_TEXT];
    snprintf(path, sizeof path, "/proc/self/task/%ld/schedstat", thread);
    if (!read_text(path, text, sizeof text)) {
        return false; // it has ended, or the kernel does not count
    }
    char * rest = text;
    times->thread = thread;
    times->run = strtoll(rest, &rest, DECIMAL);
    times->waited = strtoll(rest, &rest, DECIMAL);
    return true;
}

static void read_list(struct list * list) {
    list->count = 0;
    DIR * folder = opendir("/proc/self/task");
    if (folder == NULL) {
        return;
    }
    const struct dirent * entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the folder is this call's own
    while ((entry = readdir(folder)) != NULL && list->count < MOST_THREADS) {
        const long thread = strtol(entry->d_name, NULL, DECIMAL);
        if (thread > 0 && read_times(thread, &list->of[list->count])) {
            list->count++;
        }
    }
    closedir(folder);
}

static const struct times * find(const struct list * list, long thread) {
    for (int i = 0; i < list->count; i++) {
        if (list->of[i].thread == thread) {
            return &list->of[i];
        }
    }
    return NULL;
}

int count_cpus(void) {
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int) sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? count : 1;
}

// Seconds that the CPUs of this process were idle since the machine began; negative where nothing says so.
static double read_idle(void) {
    cpu_set_t set;
    FILE * file = fopen("/proc/stat", "re");
    if (file == NULL || sched_getaffinity(0, sizeof set, &set) != 0) {
        if (file != NULL) {
            fclose(file);
        }
        return -1;
    }
    char line[LINE_TEXT];
    double ticks = -1;
    while (fgets(line, sizeof line, file) != NULL && strncmp(line, "cpu", 3) == 0) {
        char * rest = line + 3;
        if (*rest == ' ') {
            continue; // all CPUs together
        }
        const long cpu = strtol(rest, &rest, DECIMAL);
        // user, nice, system, idle, iowait
        double fields[5];
        for (int i = 0; i < 5; i++) {
            fields[i] = strtod(rest, &rest);
        }
        if (cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set)) {
            ticks = (ticks < 0 ? 0 : ticks) + fields[3] + fields[4];
        }
    }
    fclose(file);
    return ticks < 0 ? -1 : ticks / (double) sysconf(_SC_CLK_TCK);
}

struct seen measure(double now, bool with_idle) {
    static struct list lists[2];
    static int last;
    static double last_now = -1;
    static double last_idle = -1;
    struct list * list = &lists[1 - last];
    const double idle = with_idle ? read_idle() : -1;
    const double seconds = now - last_now;
    struct seen seen = {0, 0, -1, seconds};
    read_list(list);
    for (int i = 0; i < list->count && last_now >= 0 && seconds > 0; i++) {
        const struct times * before = find(&lists[last], list->of[i].thread);
        if (before == NULL) {
            continue;
        }
        const double run = (double) (list->of[i].run - before->run) / NSEC / seconds;
        const double waited = (double) (list->of[i].waited - before->waited) / NSEC / seconds;
        if (run + waited >= COMPUTES) {
            seen.run += run;
            seen.waited += waited;
        }
    }
    if (idle >= 0 && last_idle >= 0 && seconds > 0) {
        seen.idle = (idle - last_idle) / seconds;
    }
    last = 1 - last;
    last_now = now;
    last_idle = idle;
    return seen;
}
