// Any bytes are a container or are refused with base::Error; what is accepted can be shown, and
// written again with the same content.
#include <cstdlib>

#include "base/error.h"
#include "gguf/file.h"
#include "gguf/header.h"
#include "gguf/split.h"

namespace {

void visit(const gguf::File& file) {
  std::vector<gguf::TensorPlan> plan;
  for (const gguf::TensorInfo& t : file.tensors()) {
    plan.push_back({t.name, t.codec, t.shape});
    const auto bytes = file.bytes().subspan(t.offset, t.size);
    if (bytes.size() != t.size) std::abort();
  }
  for (const auto& [key, value] : file.metadata().pairs()) {
    if (gguf::to_text(value).size() > 10000) std::abort();
  }
  try {
    gguf::split_keys(file.metadata());
  } catch (const base::Error&) {
  }
  const gguf::Layout layout = gguf::plan_layout(file.metadata(), plan);
  if (!plan.empty()) return;  // the header alone is a file only without tensors
  const gguf::File again = gguf::File::parse(layout.header, "again");
  if (again.metadata().pairs().size() + file.metadata().has("general.alignment") !=
      file.metadata().pairs().size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    visit(gguf::File::parse(std::as_bytes(std::span(data, size)), "fuzz"));
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file) std::abort();
  }
  return 0;
}
