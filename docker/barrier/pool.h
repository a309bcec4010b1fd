// The part of ggml's private `struct ggml_threadpool` that the barrier uses. fits.c holds it against ggml's source,
// fits.sh against the shipped libraries: another layout keeps the library out of the image.
#pragma once

#include <stdatomic.h>

enum {
    CACHE_LINE = 64, // bytes
    // Of `n_graph`; the bits above count the graphs.
    N_THREADS_MASK = 0xffff,
};

struct pool {
    unsigned char private_part[0x68]; // a mutex, a condition variable, two pointers
    atomic_int n_graph;
    _Alignas(CACHE_LINE) atomic_int n_barrier;
    _Alignas(CACHE_LINE) atomic_int n_barrier_passed;
};

// Returns once all threads of the pool's graph have called it. What each did before, all see after.
void ggml_barrier(struct pool * pool);
