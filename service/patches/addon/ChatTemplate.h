// A model's chat template as llama.cpp reads it, for JavaScript.
#pragma once

#include "chat.h"
#include "napi.h"

// new mentatorChatTemplate(template: string, bos: string, eos: string). Throws an Error where it is no template.
class ChatTemplate : public Napi::ObjectWrap<ChatTemplate> {
    public:
        explicit ChatTemplate(const Napi::CallbackInfo& info);

        // can(): what the template knows, by llama.cpp's names: {supports_tools: boolean, ...}.
        Napi::Value can(const Napi::CallbackInfo& info);

        // apply(request: string): the prompt, and how the answer to it is written and read. `request` is JSON:
        //   messages, tools   as in OpenAI's API
        //   toolChoice        "auto", "required" or "none"
        //   parallel          several calls in one answer
        // Throws an Error where the template refuses them.
        Napi::Value apply(const Napi::CallbackInfo& info);

        static void init(Napi::Object exports);

    private:
        common_chat_templates_ptr templates;
};
