// How many threads compute beside other busy programs. Values in, values out.
#pragma once

#include <stdbool.h>

// What was seen since the last look, in CPUs (seconds of processor time for each second).
struct seen {
    double run;     // by this process's threads
    double waited;  // by those threads for a processor
    double idle;    // of the CPUs that this process may use; negative: not known
    double seconds; // since the last look
};

struct share {
    int threads;      // that compute now; 0: all
    double not_until; // seconds; no more threads before
    double hold;      // seconds that a decision for fewer holds
    double raised;    // seconds; when there were last more
};

// The CPUs that other programs ask for.
double others_of(int cpus, int threads, struct seen seen);

// The number of threads, 1 to `most`, that gets most done beside others who ask for `others` CPUs.
int best_threads(int most, int cpus, double others);

// Looks again: the number of threads from now on, 1 to `most`. `now` in seconds, any clock.
int next_threads(struct share * share, int most, int cpus, struct seen seen, double now);
