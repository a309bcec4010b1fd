// Compiled with ggml's own source, never run: does the layout that the barrier assumes fit it?
#include "ggml-cpu.c"

#include <stddef.h>

#define ggml_barrier mentator_barrier
#include "pool.h"

#define SAME_PLACE(member) \
    _Static_assert(offsetof(struct ggml_threadpool, member) == offsetof(struct pool, member), #member " lies elsewhere")

SAME_PLACE(n_graph);
SAME_PLACE(n_barrier);
SAME_PLACE(n_barrier_passed);
_Static_assert(GGML_THREADPOOL_N_THREADS_MASK == N_THREADS_MASK, "n_graph holds the number of threads in other bits");
