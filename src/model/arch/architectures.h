// Every architecture. Adding one: its file here, its line below and in architectures.cpp.
#pragma once

#include "model/spec.h"

namespace model {

extern const Architecture deepseek2;
extern const Architecture llama;

}  // namespace model
