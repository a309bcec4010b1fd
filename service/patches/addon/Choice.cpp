#include "Choice.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

// Only the highest logit counts, so the candidates, 12 bytes for each token of the vocabulary, need not be laid out.
static bool takesHighest(const AddonSampler& sampler) {
    return sampler.greedySampler != nullptr && sampler.grammarEvaluationState == nullptr && llama_sampler_chain_n(sampler.chain) == 1;
}

// Of several equal ones the first, as llama.cpp's greedy sampler takes it.
static llama_token highest(const float* logits, int32_t count) {
    constexpr int32_t LANES = 16; // of which the compiler makes vectors
    float lanes[LANES];
    std::fill(lanes, lanes + LANES, -INFINITY);
    int32_t read = 0;
    for (; read + LANES <= count; read += LANES) {
        for (int32_t lane = 0; lane < LANES; lane++) {
            lanes[lane] = logits[read + lane] > lanes[lane] ? logits[read + lane] : lanes[lane];
        }
    }
    float best = *std::max_element(lanes, lanes + LANES);
    for (; read < count; read++) {
        best = logits[read] > best ? logits[read] : best;
    }
    const float* found = std::find(logits, logits + count, best);
    return found == logits + count ? 0 : static_cast<llama_token>(found - logits);
}

static llama_token choose(AddonSampler& sampler, llama_context* context, int32_t place, std::mutex& samplingMutex) {
    sampler.rebuildChainIfNeeded();
    const float* logits = llama_get_logits_ith(context, place);
    if (logits == nullptr) {
        throw std::runtime_error("This model does not support token generation");
    }
    if (takesHighest(sampler)) {
        return highest(logits, llama_vocab_n_tokens(sampler.model->vocab));
    }
    llama_token_data_array candidates;
    std::unique_lock<std::mutex> samplingLock(samplingMutex);
    sampler.sampleAndReleaseLock(samplingMutex, samplingLock, context, place, candidates, false);
    if (candidates.selected < 0 || candidates.selected >= static_cast<int64_t>(candidates.size)) {
        return -1;
    }
    const llama_token token = candidates.data[candidates.selected].id;
    sampler.acceptToken(token);
    return token;
}

void Choice::make(llama_context* context, int32_t place, std::mutex& samplingMutex) {
    try {
        tokens.push_back(choose(*sampler, context, place, samplingMutex));
    } catch (const std::exception& thrown) {
        error = thrown.what();
    } catch (...) {
        error = "Unknown error when choosing a token";
    }
}

bool Choice::goesOn() const {
    return error.empty() && tokens.size() < most && tokens.back() >= 0 && !llama_vocab_is_eog(sampler->model->vocab, tokens.back());
}

Napi::Value Choice::report(Napi::Env env) const {
    if (tokens.empty()) {
        return Napi::Error::New(env, error).Value();
    }
    auto list = Napi::Array::New(env, tokens.size());
    for (uint32_t i = 0; i < tokens.size(); i++) {
        list.Set(i, Napi::Number::New(env, tokens[i]));
    }
    return list;
}
