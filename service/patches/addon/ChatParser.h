// Reads a model's answer in the format that its chat template gave, for JavaScript.
#pragma once

#include "chat.h"
#include "napi.h"

// new mentatorChatParser(layout): what mentatorChatTemplate's apply() gave. Throws an Error where it has no parser.
class ChatParser : public Napi::ObjectWrap<ChatParser> {
    public:
        explicit ChatParser(const Napi::CallbackInfo& info);

        // read(text: string, partial: boolean): {content, reasoning, calls: {id, name, arguments}[]}, all texts.
        // `partial`: the answer goes on. Throws an Error where a whole answer does not have the format.
        Napi::Value read(const Napi::CallbackInfo& info);

        static void init(Napi::Object exports);

    private:
        common_chat_parser_params params;
};
