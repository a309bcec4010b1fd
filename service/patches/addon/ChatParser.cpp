#include "ChatParser.h"

#include <exception>
#include <string>

static Napi::Object messageOf(Napi::Env env, const common_chat_msg& message) {
    auto calls = Napi::Array::New(env, message.tool_calls.size());
    for (uint32_t i = 0; i < message.tool_calls.size(); i++) {
        auto call = Napi::Object::New(env);
        call.Set("id", message.tool_calls[i].id);
        call.Set("name", message.tool_calls[i].name);
        call.Set("arguments", message.tool_calls[i].arguments);
        calls.Set(i, call);
    }
    auto read = Napi::Object::New(env);
    read.Set("content", message.content);
    read.Set("reasoning", message.reasoning_content);
    read.Set("calls", calls);
    return read;
}

ChatParser::ChatParser(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ChatParser>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() != 1 || !info[0].IsObject()) {
        throw Napi::TypeError::New(env, "The layout must be an object");
    }
    const auto layout = info[0].As<Napi::Object>();
    const auto parser = layout.Get("parser");
    const auto begun = layout.Get("begun");
    const auto format = layout.Get("format");
    if (!parser.IsString() || !begun.IsString() || !format.IsNumber()) {
        throw Napi::TypeError::New(env, "The layout has no parser, no begin or no format");
    }
    const int known = format.As<Napi::Number>().Int32Value();
    if (known < 0 || known >= COMMON_CHAT_FORMAT_COUNT) {
        throw Napi::TypeError::New(env, "The layout has an unknown format");
    }
    try {
        params.format = static_cast<common_chat_format>(known);
        params.generation_prompt = begun.As<Napi::String>().Utf8Value();
        params.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
        const std::string text = parser.As<Napi::String>().Utf8Value();
        // Without one all is content.
        if (!text.empty()) {
            params.parser.load(text);
        }
    } catch (const std::exception& thrown) {
        throw Napi::Error::New(env, thrown.what());
    }
}

Napi::Value ChatParser::read(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() != 2 || !info[0].IsString() || !info[1].IsBoolean()) {
        throw Napi::TypeError::New(env, "The answer must be a text, and a boolean say whether it goes on");
    }
    try {
        return messageOf(env, common_chat_parse(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::Boolean>().Value(), params));
    } catch (const Napi::Error&) {
        throw;
    } catch (const std::exception& thrown) {
        throw Napi::Error::New(env, thrown.what());
    }
}

void ChatParser::init(Napi::Object exports) {
    exports.Set("mentatorChatParser", DefineClass(exports.Env(), "mentatorChatParser", {
        InstanceMethod("read", &ChatParser::read),
    }));
}
