#include "share.h"

// What threads get done that wait for each other at barriers, against threads that do not, where others ask for a
// whole CPU more than there are. Measured with two threads on two CPUs: 0.59, 0.77 and 0.65 beside 1, 2 and 4 loops.
static const double TOGETHER = 0.65;

// Threads that waited for less than this part of the time in which they could have run were not held up.
static const double HELD_UP = 0.1;

// Below this many CPUs there was too little to compute to tell.
static const double NEWS = 0.25;

// Another number of threads has to be better by this factor.
static const double WORTH = 1.05;

// Seconds that a decision for fewer threads holds; doubled each time that more threads were again too many.
static const double LEAST_HOLD = 0.5;
static const double MOST_HOLD = 8;

// With fewer threads than could be, seconds after which all are tried, whatever is seen: programs of a low
// priority keep the CPUs from being idle, and yet do not hold up anybody; and /proc/stat may show another machine.
static const double TRY_AGAIN = 10;

static double at_least(double value, double least) {
    return value > least ? value : least;
}

static double at_most(double value, double most) {
    return value < most ? value : most;
}

static bool held_up(struct seen seen) {
    return seen.run + seen.waited >= NEWS && seen.waited > HELD_UP * (seen.run + seen.waited);
}

double others_of(int cpus, int threads, struct seen seen) {
    if (held_up(seen)) {
        // Each runnable thread gets the same: run / (run + waited) = cpus / (threads + others).
        return at_least(cpus * (seen.run + seen.waited) / at_least(seen.run, 0.01) - threads, 0);
    }
    return at_least(cpus - at_least(seen.idle, 0) - seen.run, 0);
}

// What so many threads get done, in CPUs.
static double gain(int threads, int cpus, double others) {
    const double share = at_most(1, cpus / (threads + others));
    const double too_many = at_most(1, at_least(threads + others - cpus, 0));
    return threads * share * (threads > 1 ? 1 - too_many * (1 - TOGETHER) : 1);
}

int best_threads(int most, int cpus, double others) {
    int best = most;
    for (int threads = most - 1; threads >= 1; threads--) {
        if (gain(threads, cpus, others) > gain(best, cpus, others) * WORTH) {
            best = threads;
        }
    }
    return best;
}

static int fewer(struct share * share, int threads, double now) {
    const bool too_soon = now - share->raised < 1;
    share->hold = too_soon ? at_most(share->hold * 2, MOST_HOLD) : LEAST_HOLD;
    share->not_until = now + share->hold;
    return threads;
}

static int more(struct share * share, int threads, double now) {
    share->raised = now;
    return threads;
}

int next_threads(struct share * share, int most, int cpus, struct seen seen, double now) {
    const int before = share->threads == 0 || share->threads > most ? most : share->threads;
    int next = before;
    if (before < most && now >= share->not_until + TRY_AGAIN) {
        next = most;
    } else if (held_up(seen) || before < most) {
        const double others = others_of(cpus, before, seen);
        const int best = best_threads(most, cpus, others);
        next = gain(best, cpus, others) > gain(before, cpus, others) * WORTH ? best : before;
    }
    if (next < before) {
        share->threads = fewer(share, next, now);
    } else if (next > before && now >= share->not_until) {
        share->threads = more(share, next, now);
    } else {
        share->threads = before;
    }
    return share->threads;
}
