// Every architecture. Adding one: its file here, its line below and in architectures.cpp.
#pragma once

#include "model/spec.h"

namespace model {

extern const Architecture cohere2;
extern const Architecture command_r;
extern const Architecture deepseek2;
extern const Architecture gemma2;
extern const Architecture gemma3;
extern const Architecture glm4;
extern const Architecture glm4moe;
extern const Architecture gpt_oss;
extern const Architecture llama;
extern const Architecture mistral3;
extern const Architecture phi3;
extern const Architecture qwen2;
extern const Architecture qwen2moe;
extern const Architecture qwen3;
extern const Architecture qwen3moe;
extern const Architecture smollm3;

}  // namespace model
