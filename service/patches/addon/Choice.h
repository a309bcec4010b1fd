// The next tokens of one sequence, chosen by node-llama-cpp's sampler of it.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "AddonSampler.h"
#include "llama.h"
#include "napi.h"

struct Choice {
    // Of the batch's tokens the one whose logits count.
    int32_t index;
    AddonSampler* sampler;
    // Tokens that may be chosen before JavaScript sees them, at least 1.
    uint32_t most;

    // Of `index`.
    llama_seq_id sequence = -1;
    llama_pos position = -1;
    std::vector<llama_token> tokens;
    // Why there are no more tokens: this sequence's fault, and nobody else's.
    std::string error;

    // Chooses and accepts one more token, by the logits of a place in the batch that was computed. Never throws.
    void make(llama_context* context, int32_t place, std::mutex& samplingMutex);
    // Whether it wants another one.
    bool goesOn() const;
    // For JavaScript: the tokens, or an Error where there is none. A fault after some comes again when more are asked for.
    Napi::Value report(Napi::Env env) const;
};
