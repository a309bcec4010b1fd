#include "ChatTemplate.h"

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "json.h"
#include "log.h"

// Where one text of llama.cpp begins a grammar: as a regular expression, as its samplers take it.
static std::string patternOf(const common_grammar_trigger& trigger) {
    if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
        return regex_escape(trigger.value);
    }
    if (trigger.type != COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL) {
        return trigger.value;
    }
    const std::string& whole = trigger.value;
    const bool begins = !whole.empty() && whole.front() == '^';
    const bool ends = !whole.empty() && whole.back() == '$';
    return (begins ? "" : "^") + whole + (ends ? "" : "$");
}

static Napi::Array textsOf(Napi::Env env, const std::vector<std::string>& texts) {
    auto list = Napi::Array::New(env, texts.size());
    for (uint32_t i = 0; i < texts.size(); i++) {
        list.Set(i, texts[i]);
    }
    return list;
}

static Napi::Array triggersOf(Napi::Env env, const std::vector<common_grammar_trigger>& triggers) {
    auto list = Napi::Array::New(env);
    for (const auto& trigger : triggers) {
        auto one = Napi::Object::New(env);
        if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN) {
            one.Set("token", trigger.token);
        } else {
            one.Set("pattern", patternOf(trigger));
        }
        if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
            one.Set("word", trigger.value);
        }
        list.Set(list.Length(), one);
    }
    return list;
}

static Napi::Object layoutOf(Napi::Env env, const common_chat_params& params) {
    auto layout = Napi::Object::New(env);
    layout.Set("prompt", params.prompt);
    layout.Set("begun", params.generation_prompt);
    layout.Set("grammar", params.grammar);
    layout.Set("lazy", params.grammar_lazy);
    layout.Set("triggers", triggersOf(env, params.grammar_triggers));
    layout.Set("kept", textsOf(env, params.preserved_tokens));
    layout.Set("stops", textsOf(env, params.additional_stops));
    layout.Set("thinks", params.supports_thinking);
    layout.Set("format", static_cast<int>(params.format));
    layout.Set("formatName", common_chat_format_name(params.format));
    layout.Set("parser", params.parser);
    return layout;
}

static common_chat_templates_inputs inputsOf(const common_json& request) {
    common_chat_templates_inputs inputs;
    inputs.messages = common_chat_msgs_parse_oaicompat(request.at("messages"));
    if (inputs.messages.empty()) {
        throw std::invalid_argument("There are no messages");
    }
    if (request.contains("tools")) {
        inputs.tools = common_chat_tools_parse_oaicompat(request.at("tools"));
        inputs.tool_choice = common_chat_tool_choice_parse_oaicompat(request.at("toolChoice").get<std::string>());
        inputs.parallel_tool_calls = request.at("parallel").get<bool>();
    }
    // Reasoning apart, however the model marks it.
    inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    return inputs;
}

ChatTemplate::ChatTemplate(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ChatTemplate>(info) {
    const Napi::Env env = info.Env();
    // llama.cpp ends the process where there is neither a text nor a model.
    if (info.Length() != 3 || !info[0].IsString() || !info[1].IsString() || !info[2].IsString() || info[0].As<Napi::String>().Utf8Value().empty()) {
        throw Napi::TypeError::New(env, "The template, its first and its last token must be texts, and the template not empty");
    }
    try {
        templates = common_chat_templates_init(nullptr, info[0].As<Napi::String>(), info[1].As<Napi::String>(), info[2].As<Napi::String>());
    } catch (const std::exception& thrown) {
        throw Napi::Error::New(env, thrown.what());
    }
}

Napi::Value ChatTemplate::can(const Napi::CallbackInfo& info) {
    auto known = Napi::Object::New(info.Env());
    for (const auto& [name, supported] : common_chat_templates_get_caps(templates.get())) {
        known.Set(name, supported);
    }
    return known;
}

Napi::Value ChatTemplate::apply(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() != 1 || !info[0].IsString()) {
        throw Napi::TypeError::New(env, "The request must be a text");
    }
    try {
        const auto inputs = inputsOf(common_json::parse(info[0].As<Napi::String>().Utf8Value()));
        return layoutOf(env, common_chat_templates_apply(templates.get(), inputs));
    } catch (const Napi::Error&) {
        throw;
    } catch (const std::exception& thrown) {
        throw Napi::Error::New(env, thrown.what());
    }
}

void ChatTemplate::init(Napi::Object exports) {
    // Its warnings hold what clients and models wrote; errors are thrown.
    common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT);
    exports.Set("mentatorChatTemplate", DefineClass(exports.Env(), "mentatorChatTemplate", {
        InstanceMethod("can", &ChatTemplate::can),
        InstanceMethod("apply", &ChatTemplate::apply),
    }));
}
