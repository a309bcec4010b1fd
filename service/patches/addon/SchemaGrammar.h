// llama.cpp's own translation of a JSON Schema into a grammar (GBNF), for JavaScript.
#pragma once

#include "napi.h"

// mentatorSchemaGrammar(schema: string): string, both texts. Throws an Error with llama.cpp's own text where
// the schema is not JSON or uses what llama.cpp does not support.
Napi::Value mentatorSchemaGrammar(const Napi::CallbackInfo& info);
