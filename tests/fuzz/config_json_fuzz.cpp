// Any text is a config.json that gives keys and computed tensors, or is refused: by every
// architecture, whatever class it names.
#include <cstdlib>

#include "base/error.h"
#include "convert/json_file.h"
#include "model/hugging_face.h"

namespace {

void visit(const model::Architecture& architecture, const model::HfConfig& config) {
  if (architecture.hugging_face == nullptr) return;
  for (const model::MlaForm form : {model::MlaForm::split, model::MlaForm::kv_b}) {
    gguf::Metadata metadata;
    base::Findings findings;
    model::HfKeys keys(std::string(architecture.name), form, metadata, findings);
    architecture.hugging_face->metadata(config, keys);
    if (!metadata.has(std::string(architecture.name) + ".block_count")) std::abort();
  }
  if (architecture.hugging_face->made == nullptr) return;
  for (const model::HfMadeTensor& t : architecture.hugging_face->made(config)) {
    if (t.values.empty()) std::abort();
  }
}

/// Only what a file can cause.
template <class Act>
void allow_refusal(Act&& act) {
  try {
    act();
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file && e.fault() != base::Fault::unsupported) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  allow_refusal([&] {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const model::HfConfig config(convert::parse_json(text, "fuzz"));
    for (const model::Architecture* a : model::all_architectures()) {
      allow_refusal([&] { visit(*a, config); });
    }
  });
  return 0;
}
