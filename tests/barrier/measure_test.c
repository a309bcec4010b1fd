// What /proc says, on this machine: enough to see that the right figures are read.
#include "measure.h"

#include <stdio.h>
#include <time.h>

static int faults;

static void expect(const char * what, int good, double found) {
    if (!good) {
        printf("%s: %f\n", what, found);
        faults++;
    }
}

static double clock_of(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

int main(void) {
    struct seen seen = measure(clock_of(CLOCK_MONOTONIC), true);
    expect("nothing at the first look", seen.run == 0 && seen.waited == 0 && seen.idle < 0, seen.run);
    const double began = clock_of(CLOCK_MONOTONIC);
    while (clock_of(CLOCK_THREAD_CPUTIME_ID) < 0.5) {
    }
    const double now = clock_of(CLOCK_MONOTONIC);
    seen = measure(now, true);
    // Half a second of processor time; the rest of the time this thread waited for a processor.
    expect("run", seen.run * (now - began) > 0.4 && seen.run < 1.05, seen.run);
    expect("run and waited", seen.run + seen.waited > 0.8 && seen.run + seen.waited < 1.2, seen.run + seen.waited);
    expect("idle", seen.idle >= 0 && seen.idle <= count_cpus() + 0.2, seen.idle);
    expect("CPUs", count_cpus() >= 1, count_cpus());
    seen = measure(now + 1, false);
    expect("the idle time is not read", seen.idle < 0, seen.idle);
    printf("%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
