// The plan of a graph: it is ggml's own one, with fewer threads where /proc (here: this file) says so.
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#include "backend.h"
#include "measure.h"

typedef struct planned compute_function(int threads, void * pool);

static struct seen next_seen;
static int looks;

int count_cpus(void) {
    return 4;
}

struct seen measure(double now, bool with_idle) {
    (void) now;
    looks++;
    return with_idle ? next_seen : (struct seen) {next_seen.run, next_seen.waited, -1, next_seen.seconds};
}

static int faults;

static void expect(const char * what, struct planned found, int threads, const void * pool) {
    if (found.threads != threads || found.pool != pool || !found.whole) {
        printf("%s: %d threads, pool %p, %s\n", what, found.threads, found.pool, found.whole ? "whole" : "damaged");
        faults++;
    }
}

// Longer than the time between two looks.
static void wait_for_a_look(void) {
    nanosleep(&(struct timespec) {0, 250000000}, NULL);
}

int main(int count, char ** arguments) {
    void * library = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    compute_function * compute_in = library != NULL ? (compute_function *) dlsym(library, "compute") : NULL;
    if (compute_in == NULL) {
        printf("no backend: %s\n", dlerror());
        return 2;
    }
    int pool;
    next_seen = (struct seen) {3.9, 0.05, 0, 0.1};
    expect("quiet", compute_in(4, &pool), 4, &pool);
    next_seen = (struct seen) {2.5, 0.6, 0, 0.1};
    expect("no second look at once", compute_in(4, &pool), 4, &pool);
    wait_for_a_look();
    expect("one busy loop", compute_in(4, &pool), 3, NULL);
    expect("who asks for fewer gets what he asked for", compute_in(2, &pool), 2, &pool);
    expect("one thread", compute_in(1, &pool), 1, &pool);
    next_seen = (struct seen) {3, 0.01, 0.97, 0.1};
    for (int i = 0; i < 4; i++) { // the decision holds for half a second
        wait_for_a_look();
        compute_in(4, &pool);
    }
    expect("the loop has ended", compute_in(4, &pool), 4, &pool);
    if (looks < 3) {
        printf("%d looks\n", looks);
        faults++;
    }
    printf("%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
