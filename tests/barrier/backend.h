#pragma once

#include <stdbool.h>

struct planned {
    int threads;
    void * pool;
    bool whole; // the rest of the plan is as ggml made it
};

struct planned compute(int threads, void * pool);
