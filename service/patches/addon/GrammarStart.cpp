#include "GrammarStart.h"

#include <exception>
#include <regex>

static std::vector<llama_token> tokensOf(const Napi::Value& value) {
    std::vector<llama_token> read;
    if (value.IsArray()) {
        const auto list = value.As<Napi::Array>();
        for (uint32_t i = 0; i < list.Length(); i++) {
            read.push_back(list.Get(i).As<Napi::Number>().Int32Value());
        }
    }
    return read;
}

static std::vector<std::string> textsOf(const Napi::Value& value) {
    std::vector<std::string> read;
    if (value.IsArray()) {
        const auto list = value.As<Napi::Array>();
        for (uint32_t i = 0; i < list.Length(); i++) {
            read.push_back(list.Get(i).As<Napi::String>().Utf8Value());
        }
    }
    return read;
}

void GrammarStart::read(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() != 1 || !info[0].IsObject()) {
        throw Napi::TypeError::New(env, "Where the grammar begins must be an object");
    }
    const auto start = info[0].As<Napi::Object>();
    patterns = textsOf(start.Get("patterns"));
    tokens = tokensOf(start.Get("tokens"));
    begun = tokensOf(start.Get("begun"));
    lazy = start.Has("patterns");
    try {
        // llama.cpp would throw where nobody catches it.
        for (const auto& pattern : patterns) {
            static_cast<void>(std::regex(pattern));
        }
    } catch (const std::exception& thrown) {
        throw Napi::Error::New(env, thrown.what());
    }
}

llama_sampler* GrammarStart::sampler(const llama_vocab* vocab, const std::string& grammar, const std::string& root) const {
    if (lazy) {
        std::vector<const char*> given;
        given.reserve(patterns.size());
        for (const auto& pattern : patterns) {
            given.push_back(pattern.c_str());
        }
        return llama_sampler_init_grammar_lazy_patterns(vocab, grammar.c_str(), root.c_str(), given.data(), given.size(), tokens.data(), tokens.size());
    }
    llama_sampler* made = llama_sampler_init_grammar(vocab, grammar.c_str(), root.c_str());
    try {
        for (const llama_token token : begun) {
            llama_sampler_accept(made, token);
        }
    } catch (const std::exception&) {
        llama_sampler_free(made);
        return nullptr;
    }
    return made;
}
