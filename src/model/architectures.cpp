#include "model/arch/architectures.h"

#include <algorithm>
#include <iterator>

namespace model {
namespace {

const Architecture* const kArchitectures[] = {
    &cohere2, &command_r, &deepseek2, &gemma2, &gemma3,   &glm4,  &glm4moe,  &gpt_oss,
    &llama,   &mistral3,  &phi3,      &qwen2,  &qwen2moe, &qwen3, &qwen3moe, &smollm3,
};

std::string known_names() {
  std::string out;
  for (const Architecture* a : kArchitectures) {
    if (!out.empty()) out += ", ";
    out += a->name;
  }
  return out;
}

}  // namespace

std::span<const Architecture* const> all_architectures() noexcept { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) noexcept {
  const auto* it = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                [name](const Architecture* a) { return a->name == name; });
  return it == std::end(kArchitectures) ? nullptr : *it;
}

ModelSpec describe(const gguf::FileSet& files) {
  constexpr std::string_view kKey = "general.architecture";
  const auto name = files.metadata().string(kKey);
  if (!name) {
    throw base::Error(base::Fault::bad_file, "a required key is missing")
        .at("key", kKey)
        .hint("the file is not a model, or an importance matrix");
  }
  const Architecture* architecture = find_architecture(*name);
  if (architecture == nullptr) {
    throw base::Error(base::Fault::unsupported, "the architecture is unknown")
        .at("key", kKey)
        .at("found", *name)
        .at("expected", "one of " + known_names());
  }
  return architecture->build(files);
}

}  // namespace model
