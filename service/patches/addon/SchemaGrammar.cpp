#include "SchemaGrammar.h"

#include <exception>
#include <string>

#include "json-schema-to-grammar.h"
#include "json.h"

Napi::Value mentatorSchemaGrammar(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsString()) {
        Napi::TypeError::New(env, "The schema must be a text").ThrowAsJavaScriptException();
        return env.Undefined();
    }
    try {
        const auto schema = common_json::parse(info[0].As<Napi::String>().Utf8Value());
        return Napi::String::New(env, json_schema_to_grammar(schema, true));
    } catch (const std::exception& thrown) {
        Napi::Error::New(env, thrown.what()).ThrowAsJavaScriptException();
        return env.Undefined();
    }
}
