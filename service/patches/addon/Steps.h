// Computes a context's batches, several one after the other where nobody waits: each token that is chosen
// is the next batch's. JavaScript sees them together and need not be woken for each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "Choice.h"
#include "ggml-cpu.h"
#include "llama.h"

class AddonContext;

class Steps {
    public:
        // `threads` stay between batches, the caller's among them; with 0 ggml makes new ones for each.
        // For `poll` of 0 to 100 they wait awake for the next; llama.cpp's own programs take 50.
        Steps(AddonContext& context, int32_t threads, uint32_t poll);
        // The context must be there still.
        ~Steps();

        // Before each `compute`, by who may call `hurry` from then on.
        void begin();
        // The context's batch, and what follows from it until so many milliseconds have passed since the call. A failure of the first
        // one is thrown; of a later one nothing is said: who asks for it again will be told. On any thread,
        // one at a time.
        void compute(std::vector<Choice>& choices, double msec);
        // Nothing new is begun by the call that computes now. From any thread.
        void hurry();

    private:
        using Clock = std::chrono::steady_clock;

        void makePool(int32_t threads, uint32_t poll);
        void locate(std::vector<Choice>& choices) const;
        void forgetUnwanted();
        void decode(const llama_batch& batch);
        void goOn(std::vector<Choice>& choices, Clock::time_point until);

        AddonContext& context;
        ggml_threadpool_t pool = nullptr;
        decltype(&ggml_threadpool_free) freePool = nullptr;
        std::atomic<bool> hurried = false;
        // Of sequences that went on: the first place that was not computed. JavaScript may take fewer tokens.
        std::unordered_map<llama_seq_id, llama_pos> ends;
};
