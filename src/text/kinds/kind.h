// What one kind of tokenizer contributes. One file per kind, one line in the list of kinds.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "text/vocab.h"

namespace text {

/// Plain text to ids and back, without special tokens. Immutable; views the vocabulary.
class Engine {
 public:
  virtual ~Engine() = default;
  /// Appends the ids of `raw`, a run of plain text between special tokens (not empty).
  virtual void encode(std::string_view raw, std::vector<TokenId>& out) const = 0;
  /// What a token of the plain kind stands for in text.
  virtual std::string normal_piece(std::string_view token_text) const = 0;
};

struct Kind {
  std::string_view model;  ///< value of tokenizer.ggml.model
  Behaviour (*defaults)(const gguf::Metadata& metadata, base::Findings& findings) = nullptr;
  std::unique_ptr<Engine> (*make)(const gguf::Metadata& metadata, const Vocab& vocab,
                                  const Behaviour& behaviour) = nullptr;
};

extern const Kind bpe_kind;
extern const Kind gemma4_kind;
extern const Kind spm_kind;
extern const Kind unigram_kind;
extern const Kind wordpiece_kind;

std::span<const Kind* const> all_kinds() noexcept;

}  // namespace text
