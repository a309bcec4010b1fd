// The barrier alone, under ThreadSanitizer: many threads, random delays on both sides of it. What each thread wrote
// before a barrier, without any other synchronization, all have to see after it, and all have to come through.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"

enum {
    MOST_THREADS = 24,
    ROUNDS = 2000,
    LONGEST_USEC = 300,
    // Seconds for one run; a lost wake-up would last for ever.
    LIMIT = 120,
};

struct run {
    struct pool pool;
    int threads;
    int written[MOST_THREADS]; // plain: the barrier alone keeps them in order
};

struct worker {
    struct run * run;
    int index;
    int faults;
    uint32_t random;
};

static uint32_t next_random(uint32_t * state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

// Mostly none, sometimes longer than a thread waits awake.
static void delay(uint32_t * random) {
    const uint32_t choice = next_random(random) % 8;
    if (choice == 0) {
        usleep(next_random(random) % LONGEST_USEC);
    } else if (choice == 1) {
        for (volatile uint32_t i = 0; i < next_random(random) % 2000; i++) {
        }
    }
}

static void * work(void * data) {
    struct worker * worker = data;
    struct run * run = worker->run;
    for (int round = 1; round <= ROUNDS; round++) {
        delay(&worker->random);
        run->written[worker->index] = round;
        ggml_barrier(&run->pool);
        for (int i = 0; i < run->threads; i++) {
            worker->faults += run->written[i] != round;
        }
        ggml_barrier(&run->pool);
    }
    return NULL;
}

static int try_threads(int threads) {
    static struct run run;
    pthread_t handles[MOST_THREADS];
    struct worker workers[MOST_THREADS];
    memset(&run, 0, sizeof run);
    run.threads = threads;
    // The bits above the number count graphs.
    run.pool.n_graph = (7 << 16) | threads;
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker) {&run, i, 0, 2463534242U + (uint32_t) (i + threads)};
        if (pthread_create(&handles[i], NULL, work, &workers[i]) != 0) {
            perror("pthread_create");
            exit(2);
        }
    }
    int faults = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        faults += workers[i].faults;
    }
    // Each of them was passed once, and nobody is in one now.
    return faults + (run.pool.n_barrier_passed != 2 * ROUNDS && threads > 1) + (run.pool.n_barrier != 0);
}

int main(void) {
    alarm(LIMIT); // ends the process, and the test with it
    int faults = 0;
    for (int threads = 1; threads <= MOST_THREADS; threads = threads < 4 ? threads + 1 : threads * 2 - 1) {
        const int found = try_threads(threads);
        printf("%d threads: %d faults\n", threads, found);
        faults += found;
    }
    return faults == 0 ? 0 : 1;
}
