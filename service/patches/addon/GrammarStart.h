// Where in an answer its grammar begins.
#pragma once

#include <string>
#include <vector>

#include "llama.h"
#include "napi.h"

class GrammarStart {
    public:
        // read({patterns: string[], tokens: number[]}): the answer is free until one of the regular expressions is found
        // in it, or one of the tokens comes. read({begun: number[]}): tokens of the prompt that the grammar describes, too.
        // Throws an Error where an expression is none.
        void read(const Napi::CallbackInfo& info);

        // Null where the text is no grammar, or does not begin as the prompt ends.
        llama_sampler* sampler(const llama_vocab* vocab, const std::string& grammar, const std::string& root) const;

    private:
        bool lazy = false;
        std::vector<std::string> patterns;
        std::vector<llama_token> tokens;
        std::vector<llama_token> begun;
};
