#include "Steps.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <stdexcept>

#include "AddonContext.h"
#include "common/common.h"
#include "ggml-backend.h"

Steps::Steps(AddonContext& context, int32_t threads, uint32_t poll) : context(context) {
    if (threads > 0) {
        makePool(threads, poll);
    }
}

Steps::~Steps() {
    if (pool != nullptr) {
        llama_detach_threadpool(context.ctx);
        freePool(pool);
    }
}

// ggml's threads belong to its CPU backend, which is loaded at run time.
void Steps::makePool(int32_t threads, uint32_t poll) {
    auto* device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device == nullptr) {
        return;
    }
    auto* registry = ggml_backend_dev_backend_reg(device);
    auto* create = reinterpret_cast<decltype(&ggml_threadpool_new)>(ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_new"));
    freePool = reinterpret_cast<decltype(&ggml_threadpool_free)>(ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free"));
    if (create == nullptr || freePool == nullptr) {
        return;
    }
    auto parameters = ggml_threadpool_params_default(threads);
    parameters.poll = poll;
    pool = create(&parameters);
    if (pool != nullptr) {
        llama_attach_threadpool(context.ctx, pool, nullptr);
    }
}

void Steps::begin() {
    hurried = false;
}

void Steps::hurry() {
    hurried = true;
}

void Steps::compute(std::vector<Choice>& choices, double msec) {
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(msec));
    locate(choices);
    forgetUnwanted();
    decode(context.batch);
    for (auto& choice : choices) {
        choice.make(context.ctx, choice.index, context.sharedSamplerData.mutex);
    }
    // Where a prompt is being read too, its next piece comes first.
    if (static_cast<size_t>(context.batch.n_tokens) == choices.size()) {
        goOn(choices, until);
    }
}

void Steps::locate(std::vector<Choice>& choices) const {
    const auto& batch = context.batch;
    for (auto& choice : choices) {
        if (choice.index < 0 || choice.index >= batch.n_tokens) {
            throw std::out_of_range("A choice names a token that the batch does not have");
        }
        choice.sequence = batch.seq_id[choice.index][0];
        choice.position = batch.pos[choice.index];
    }
}

// What a sequence has beyond where it goes on now was computed in vain.
void Steps::forgetUnwanted() {
    const auto& batch = context.batch;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        const auto end = ends.find(batch.seq_id[i][0]);
        if (end == ends.end()) {
            continue;
        }
        if (batch.pos[i] < end->second) {
            llama_memory_seq_rm(llama_get_memory(context.ctx), end->first, batch.pos[i], -1);
        }
        ends.erase(end);
    }
}

void Steps::goOn(std::vector<Choice>& choices, Clock::time_point until) {
    const auto goesOn = [](const Choice& choice) { return choice.goesOn(); };
    auto batch = llama_batch_init(static_cast<int32_t>(choices.size()), 0, 1);
    const std::unique_ptr<llama_batch, void (*)(llama_batch*)> owner(&batch, [](llama_batch* owned) { llama_batch_free(*owned); });
    while (!hurried && Clock::now() < until && std::all_of(choices.begin(), choices.end(), goesOn)) {
        common_batch_clear(batch);
        for (auto& choice : choices) {
            choice.position += 1;
            ends[choice.sequence] = choice.position + 1;
            common_batch_add(batch, choice.tokens.back(), choice.position, { choice.sequence }, true);
        }
        try {
            decode(batch);
        } catch (const std::exception&) {
            return;
        }
        for (size_t i = 0; i < choices.size(); i++) {
            choices[i].make(context.ctx, static_cast<int32_t>(i), context.sharedSamplerData.mutex);
        }
    }
}

void Steps::decode(const llama_batch& batch) {
    context.sharedSamplerData.gotLogit = false;
    context.sharedSamplerData.hasLogits = false;
    const int32_t result = llama_decode(context.ctx, batch);
    if (result == 1) {
        throw std::runtime_error("could not find a KV slot for the batch (try reducing the size of the batch or increase the context)");
    }
    if (result != 0) {
        throw std::runtime_error("Eval has failed");
    }
    llama_synchronize(context.ctx);
}
