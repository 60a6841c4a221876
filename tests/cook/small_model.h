// A small GGUF model with data, written to a folder of the test.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "gguf/split.h"
#include "gguf/writer.h"
#include "support/support.h"

namespace test {

/// Collects tensors with random contents, then writes them.
class SmallModel {
 public:
  SmallModel() {
    metadata.set("general.architecture", std::string("llama"));
    metadata.set("llama.block_count", std::uint32_t{2});
    metadata.set("llama.attention.head_count", std::uint32_t{4});
  }

  SmallModel& add(const std::string& name, std::vector<std::uint64_t> ne,
                  std::string_view type = "f32") {
    gguf::TensorPlan plan{.name = name, .codec = quant::find_codec(type), .shape = {}};
    std::copy(ne.begin(), ne.end(), plan.shape.ne.begin());
    std::normal_distribution<float> normal(0.0F, 0.05F);
    std::vector<float> x(plan.shape.elements());
    for (float& v : x) v = normal(random_);
    std::vector<std::byte> bytes(tensor::tensor_bytes(*plan.codec, plan.shape));
    plan.codec->encode({.x = x, .rows = plan.shape.rows(), .cols = ne[0], .importance = {}}, bytes);
    plans.push_back(plan);
    data.push_back(std::move(bytes));
    return *this;
  }

  std::filesystem::path write(const std::filesystem::path& path) const {
    gguf::Writer writer(path, metadata, plans);
    for (std::size_t i = 0; i < plans.size(); ++i) writer.write(i, 0, data[i]);
    writer.finish();
    return path;
  }

  gguf::Metadata metadata;
  std::vector<gguf::TensorPlan> plans;
  std::vector<std::vector<std::byte>> data;

 private:
  std::mt19937 random_{7};
};

/// Two layers, norms, experts, an output.
inline SmallModel small_model() {
  SmallModel m;
  m.add("token_embd.weight", {256, 64}, "bf16");
  for (const char* layer : {"blk.0.", "blk.1."}) {
    m.add(std::string(layer) + "attn_norm.weight", {256});
    m.add(std::string(layer) + "attn_q.weight", {256, 256}, "bf16");
    m.add(std::string(layer) + "ffn_down.weight", {512, 256}, "bf16");
    m.add(std::string(layer) + "ffn_up_exps.weight", {256, 32, 4}, "bf16");
  }
  m.add("output.weight", {256, 64}, "bf16");
  return m;
}

}  // namespace test
