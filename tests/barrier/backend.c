// Stands for ggml's CPU backend, loaded at run time: plans graphs, and computes with the plan that it gets.
#include <stddef.h>

#include "backend.h"
#include "ggml-cpu.h"

struct ggml_cplan ggml_graph_plan(const struct ggml_cgraph * graph, int n_threads, struct ggml_threadpool * pool) {
    (void) graph;
    return (struct ggml_cplan) {.work_size = 12345, .n_threads = n_threads, .threadpool = pool, .use_ref = true};
}

struct planned compute(int threads, void * pool) {
    const struct ggml_cplan plan = ggml_graph_plan(NULL, threads, pool);
    return (struct planned) {plan.n_threads, plan.threadpool, plan.work_size == 12345 && plan.use_ref};
}
