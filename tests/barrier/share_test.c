// The number of threads beside other programs, as a pure function of what was seen.
#include "share.h"

#include <stdio.h>

static int faults;

static void expect(const char * what, int found, int wanted) {
    if (found != wanted) {
        printf("%s: %d threads, not %d\n", what, found, wanted);
        faults++;
    }
}

// Looks, a tenth of a second apart, in which so much was seen; the threads after the last one.
static int after(struct share * share, int most, int cpus, struct seen seen, double * now, int windows) {
    int threads = 0;
    for (int i = 0; i < windows; i++) {
        *now += 0.1;
        threads = next_threads(share, most, cpus, seen, *now);
    }
    return threads;
}

// What two threads see on two CPUs: run, waited, idle (CPUs).
static const struct seen QUIET = {1.9, 0.02, -1, 0.1};
static const struct seen ONE_LOOP = {1.0, 0.72, -1, 0.1};
static const struct seen TWO_LOOPS = {0.9, 1.0, -1, 0.1};
static const struct seen FOUR_LOOPS = {0.63, 1.34, -1, 0.1};
static const struct seen BURSTY = {1.5, 0.35, -1, 0.1};
// What one thread sees there.
static const struct seen ALONE_BESIDE_ONE = {1.0, 0.01, 0.02, 0.1};
static const struct seen ALONE_AND_IDLE = {1.0, 0.01, 0.97, 0.1};
static const struct seen ALONE_BESIDE_FOUR = {0.4, 0.6, 0, 0.1};
static const struct seen NOTHING = {0, 0, -1, 0.1};

static void decide(void) {
    expect("nobody else", best_threads(2, 2, 0), 2);
    expect("one busy loop beside two CPUs' threads", best_threads(2, 2, 1), 1);
    expect("two busy loops: one thread would get no CPU of its own", best_threads(2, 2, 2), 2);
    expect("four busy loops", best_threads(2, 2, 4), 2);
    expect("one busy loop on 16 CPUs", best_threads(16, 16, 1), 15);
    expect("four busy loops on 16 CPUs", best_threads(16, 16, 4), 12);
    expect("4 threads on 16 CPUs, half of them busy", best_threads(4, 16, 8), 4);
    expect("a little of something else on 16 CPUs", best_threads(16, 16, 0.1), 16);
    expect("half of the time one busy loop", best_threads(2, 2, 0.5), 2);
    expect("a single thread", best_threads(1, 2, 5), 1);
}

static void follow(void) {
    struct share share = {0};
    double now = 100;
    expect("quiet", after(&share, 2, 2, QUIET, &now, 50), 2);
    expect("a bursty program", after(&share, 2, 2, BURSTY, &now, 50), 2);
    expect("two loops", after(&share, 2, 2, TWO_LOOPS, &now, 50), 2);
    expect("four loops", after(&share, 2, 2, FOUR_LOOPS, &now, 50), 2);
    expect("nothing computed", after(&share, 2, 2, NOTHING, &now, 50), 2);
    expect("one loop", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
    expect("one loop goes on", after(&share, 2, 2, ALONE_BESIDE_ONE, &now, 50), 1);
    expect("the loop has ended", after(&share, 2, 2, ALONE_AND_IDLE, &now, 1), 2);
}

static void hold(void) {
    struct share share = {0};
    double now = 100;
    expect("one loop", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
    expect("too early for more", after(&share, 2, 2, ALONE_AND_IDLE, &now, 3), 1);
    expect("half a second later", after(&share, 2, 2, ALONE_AND_IDLE, &now, 3), 2);
    // As often as more threads turn out to be too many at once, the next try is later: 1, 2, 4, 8, 8 seconds.
    for (int windows = 9; windows < 80; windows = windows * 2 + 1) {
        expect("again too many", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
        expect("not yet again", after(&share, 2, 2, ALONE_AND_IDLE, &now, windows), 1);
        expect("again", after(&share, 2, 2, ALONE_AND_IDLE, &now, 2), 2);
    }
    expect("again too many", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
    expect("never later than after 8 seconds", after(&share, 2, 2, ALONE_AND_IDLE, &now, 82), 2);
}

static void go_back(void) {
    struct share share = {0};
    double now = 100;
    expect("one loop", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
    expect("four loops now", after(&share, 2, 2, ALONE_BESIDE_FOUR, &now, 10), 2);
    share = (struct share) {0};
    expect("one loop", after(&share, 2, 2, ONE_LOOP, &now, 1), 1);
    expect("no idle time, for long", after(&share, 2, 2, ALONE_BESIDE_ONE, &now, 100), 1);
    expect("all are tried in the end", after(&share, 2, 2, ALONE_BESIDE_ONE, &now, 7), 2);
    share = (struct share) {0};
    expect("fewer are asked for than were before", after(&share, 8, 16, QUIET, &now, 1), 8);
    expect("then two", after(&share, 2, 16, QUIET, &now, 1), 2);
}

int main(void) {
    decide();
    follow();
    hold();
    go_back();
    printf("%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
