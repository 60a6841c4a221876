// The flavours of files with latent attention, one into another (docs/spec/models.md 3.1, 3.4).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "surgery/draft.h"
#include "surgery/value_error.h"

namespace surgery {

/// Which tensors a layer has: attn_k_b and attn_v_b of three dimensions (flavour C), attn_kv_b
/// alone (A), or attn_kv_b with both of two dimensions (B).
enum class MlaForm : std::uint8_t { split, kv_b, both };

/// A tensor that is computed, and what that loses.
class MadeMla : public MadeTensor {
 public:
  MadeMla(std::string name, const quant::Codec& codec) : name_(std::move(name)), codec_(&codec) {}

  const std::string& name() const noexcept { return name_; }
  const quant::Codec& codec() const noexcept { return *codec_; }
  /// Of the encoded values against those they come from; empty before `make`, and where bytes were
  /// taken over.
  const ValueError& error() const noexcept { return error_; }

 protected:
  std::string name_;
  const quant::Codec* codec_;
  ValueError error_;
};

/// Changes tensors and keys of every layer. What is there stays as it is (shapes apart); attn_v_b
/// takes over the rows of attn_kv_b, and back if the type allows it. `type` is that of what must be
/// encoded; null: nothing is lost, plain types stay and of the others each becomes the first of
/// f16, bf16 and f32 that holds all its values, which are read for that. The tensors that will be
/// made.
/// Throws Fault::bad_input if the model has no latent attention or a layer lacks what is needed,
/// Fault::unsupported for a type that cannot hold the rows.
std::vector<std::shared_ptr<const MadeMla>> convert_mla(Draft& draft, MlaForm form,
                                                        const quant::Codec* type);

}  // namespace surgery
