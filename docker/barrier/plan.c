// ggml's plan of a graph, with as many threads as get most done beside other busy programs.
//
// ggml_graph_plan is called once for each graph, before it is computed, by the thread that then takes part. It is
// part of ggml's public interface.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ggml-cpu.h"
#include "measure.h"
#include "share.h"

typedef struct ggml_cplan plan_function(const struct ggml_cgraph * graph, int threads, struct ggml_threadpool * pool);

// Seconds between two looks: many time slices, a few milliseconds each.
static const double LOOK_AGAIN = 0.2;

static const double NSEC = 1e9;

static _Atomic double next_look;
static atomic_flag looking = ATOMIC_FLAG_INIT;
static atomic_int most;    // threads that were asked for since the last look
static atomic_int allowed; // 0: all

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / NSEC;
}

// ggml's own function, in the library of the caller: several variants of ggml's CPU backend may be loaded, and none
// of them in the global scope.
static plan_function * original(void * caller) {
    static _Thread_local void * known;
    static _Thread_local plan_function * function;
    if (known != caller) {
        Dl_info info;
        void * library = dladdr(caller, &info) != 0 ? dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD) : NULL;
        function = library != NULL ? (plan_function *) dlsym(library, "ggml_graph_plan") : NULL;
        if (function == NULL || function == ggml_graph_plan) {
            fputs("libmentator-barrier.so: ggml_graph_plan is not in its caller's library: set MENTATOR_BARRIER=off\n", stderr);
            abort();
        }
        dlclose(library); // its caller keeps it
        known = caller;
    }
    return function;
}

// As many CPUs as there are threads count as ours: where a quota is why there are no more, its CPUs are all we have.
static void look(double now, int threads_here) {
    static struct share share;
    const int elsewhere = atomic_exchange(&most, 0);
    const int asked = elsewhere > threads_here ? elsewhere : threads_here;
    const int machine = count_cpus();
    const struct seen seen = measure(now, share.threads != 0);
    const int threads = next_threads(&share, asked, machine < asked ? machine : asked, seen, now);
    if (threads >= asked) {
        share.threads = 0;
    }
    atomic_store(&allowed, share.threads);
}

static int threads_for(int asked) {
    const double now = now_seconds();
    if (asked > atomic_load(&most)) {
        atomic_store(&most, asked); // where two do so at once, the larger one comes again
    }
    if (now >= atomic_load(&next_look) && !atomic_flag_test_and_set(&looking)) {
        if (now >= atomic_load(&next_look)) { // nobody has looked meanwhile
            atomic_store(&next_look, now + LOOK_AGAIN);
            look(now, asked);
        }
        atomic_flag_clear(&looking);
    }
    const int limit = atomic_load(&allowed);
    return limit > 0 && limit < asked ? limit : asked;
}

__attribute__((visibility("default"))) struct ggml_cplan ggml_graph_plan(const struct ggml_cgraph * graph, int n_threads, struct ggml_threadpool * pool) {
    plan_function * plan = original(__builtin_return_address(0));
    const int threads = n_threads > 1 ? threads_for(n_threads) : n_threads;
    // The threads of a pool that have no part would wait awake between two graphs: ggml makes a new pool instead.
    return plan(graph, threads, threads < n_threads ? NULL : pool);
}
