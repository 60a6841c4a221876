// The small trained model in memory, to be changed before it is written.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/writer.h"
#include "support/support.h"

namespace test {

struct Spoiled {
  gguf::FileSet files = gguf::FileSet::open(source_path("data/tiny-mla-bf16.gguf"));
  gguf::Metadata metadata = files.metadata();
  std::vector<gguf::TensorPlan> plans;
  std::vector<std::vector<std::byte>> data;

  Spoiled() {
    for (const gguf::TensorInfo& t : files.tensors()) {
      const auto bytes = files.view(t).bytes;
      plans.push_back({t.name, t.codec, t.shape});
      data.emplace_back(bytes.begin(), bytes.end());
    }
  }
  std::size_t index(std::string_view name) const {
    for (std::size_t i = 0; i < plans.size(); ++i) {
      if (plans[i].name == name) return i;
    }
    throw std::runtime_error("no tensor " + std::string(name));
  }
  gguf::TensorPlan& plan(std::string_view name) { return plans[index(name)]; }
  std::vector<std::byte>& bytes(std::string_view name) { return data[index(name)]; }
  void drop(std::string_view name) {
    const auto i = static_cast<std::ptrdiff_t>(index(name));
    plans.erase(plans.begin() + i);
    data.erase(data.begin() + i);
  }
  std::string write(const std::filesystem::path& path) const {
    gguf::Writer writer(path, metadata, plans);
    for (std::size_t i = 0; i < plans.size(); ++i) writer.write(i, 0, data[i]);
    writer.finish();
    return path.string();
  }
};

}  // namespace test
