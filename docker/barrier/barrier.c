// ggml's barrier for a machine that other programs use too: it waits awake for a moment, then asleep.
//
// ggml's own one waits awake until all threads have come. Where one of them is not running, because another program
// has its processor, the others keep theirs for a whole time slice, and do so at hundreds of barriers a token.
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"

enum {
    // A barrier takes a few microseconds where all threads run. Sleeping and waking take about 50 us.
    MOST_AWAKE_NSEC = 50000,
    LEAST_AWAKE_NSEC = 1000,
    // Looks between two looks at the clock: about 1 us.
    LOOKS = 16,
    ROOMS = 64,
};

// How many threads sleep at the barriers of the pools that share a room: without a sleeper nobody is woken. The
// pool itself has no place for it. A waker of another pool in the same room wakes in vain, and does no harm.
struct room {
    _Alignas(CACHE_LINE) atomic_int sleepers;
};
static struct room rooms[ROOMS];

// How long this thread waits awake: after each time that was in vain half as long, as the thread that it waits for
// is not running; the whole time again once it was not in vain.
static _Thread_local int64_t awake_nsec = MOST_AWAKE_NSEC;

static int64_t now_nsec(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

static bool look(const atomic_int * passed, int before) {
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load_explicit(passed, memory_order_acquire) != before) {
            return true;
        }
        relax();
    }
    return false;
}

static bool wait_awake(const atomic_int * passed, int before) {
    // Most waits end here, before the clock is read.
    if (look(passed, before)) {
        return true;
    }
    const int64_t until = now_nsec() + awake_nsec;
    do {
        if (look(passed, before)) {
            awake_nsec = MOST_AWAKE_NSEC;
            return true;
        }
    } while (now_nsec() < until);
    awake_nsec = awake_nsec / 2 > LEAST_AWAKE_NSEC ? awake_nsec / 2 : LEAST_AWAKE_NSEC;
    return false;
}

// The sleeper counts itself, then the kernel compares `passed`; the waker changes `passed`, then reads the count.
// All four are in one order (seq_cst), so the one or the other sees the change: no wake-up is lost.
static void wait_asleep(atomic_int * passed, int before, struct room * room) {
    atomic_fetch_add(&room->sleepers, 1);
    while (atomic_load(passed) == before) {
        syscall(SYS_futex, passed, FUTEX_WAIT_PRIVATE, before, NULL, NULL, 0);
    }
    atomic_fetch_sub(&room->sleepers, 1);
}

__attribute__((visibility("default"))) void ggml_barrier(struct pool * pool) {
    const int threads = atomic_load_explicit(&pool->n_graph, memory_order_relaxed) & N_THREADS_MASK;
    if (threads == 1) {
        return;
    }
    atomic_int * passed = &pool->n_barrier_passed;
    struct room * room = &rooms[((uintptr_t) pool / CACHE_LINE) % ROOMS];
    const int before = atomic_load_explicit(passed, memory_order_relaxed);
    if (atomic_fetch_add(&pool->n_barrier, 1) < threads - 1) {
        if (!wait_awake(passed, before)) {
            wait_asleep(passed, before, room);
        }
        return;
    }
    atomic_store_explicit(&pool->n_barrier, 0, memory_order_relaxed);
    atomic_fetch_add(passed, 1);
    if (atomic_load(&room->sleepers) > 0) {
        syscall(SYS_futex, passed, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}
