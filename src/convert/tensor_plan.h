#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "convert/folder.h"
#include "gguf/file.h"
#include "gguf/value.h"
#include "model/hugging_face.h"
#include "quant/codec.h"
#include "tensor/tensor.h"

namespace convert {

/// How the elements of a source tensor are stored.
enum class Storage : std::uint8_t {
  plain,  ///< f32, f16, bf16
  fp8,    ///< e4m3 with one scale (f32, f16, bf16) a block of rows and columns
  mxfp4,  ///< blocks of 32 4-bit codes with one power of two
  made,   ///< computed; no source
};

/// One tensor of the output: where its values come from and in which type they are handed on.
struct OutTensor {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::string name;
  model::Role role = model::Role::count;
  int layer = -1;
  model::Axis axis = model::Axis::none;  ///< what shape.ne[2] counts
  model::HfChange change = model::HfChange::none;
  Storage storage = Storage::plain;
  std::vector<std::size_t> pieces = {};  ///< source tensors: one, or one an expert
  std::vector<std::size_t> scales = {};  ///< beside each piece: fp8, mxfp4
  std::vector<float> values = {};        ///< made
  const quant::Codec* stored = nullptr;  ///< plain: type of all pieces; null if they differ
  const quant::Codec* codec = nullptr;   ///< type in which it is handed on
  tensor::Shape source_shape = {};       ///< of one piece, in elements, fastest first
  tensor::Shape shape = {};              ///< of the output

  // mla_keys, mla_values: sizes of a head in attn_kv_b.
  std::uint64_t key_rows = 0, value_rows = 0;
  // rope_pairs: rows of a head.
  std::uint64_t head_rows = 0;
  // fp8: rows and columns of a block.
  std::uint64_t block_rows = 0, block_cols = 0;
};

/// What a conversion is asked for, beside types.
struct PlanOptions {
  model::MlaForm mla = model::MlaForm::split;
};

struct TensorPlan {
  const model::Architecture* architecture = nullptr;
  gguf::Metadata metadata;         ///< of the architecture, without vocabulary
  model::ModelSpec spec;           ///< the architecture's description of the result
  std::vector<OutTensor> tensors;  ///< in the order of the public converter
  base::Findings findings;
};

/// Decides every tensor and checks the result against the architecture as a file would be: all
/// there, right shapes, nothing left over. Throws Fault::unsupported for an unknown class, for
/// tensors that no row knows, for element types and packings that cannot be read;
/// Fault::bad_file for contradictions. Source: docs/spec/models.md 5.
TensorPlan plan_tensors(const ModelFolder& folder, const PlanOptions& options);

/// The file as it would be, without bytes, for the architecture's own description of it.
gguf::FileSet as_file(const TensorPlan& plan);

}  // namespace convert
