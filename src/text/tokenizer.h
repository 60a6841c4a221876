// text/: bytes to token ids and back. It knows vocabularies, not models. Source:
// docs/spec/tokenizers.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/value.h"

namespace text {

using TokenId = std::int32_t;

struct EncodeOptions {
  bool add_special = true;     ///< add BOS / EOS as the vocabulary prescribes
  bool parse_special = false;  ///< control tokens written out in the text become their ids
};

/// One vocabulary with its algorithm. Immutable, shared freely between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  virtual std::vector<TokenId> encode(std::string_view text,
                                      const EncodeOptions& options) const = 0;
  /// Bytes of one token as it appears in text (byte tokens give their byte; control tokens give ""
  /// unless `special`).
  virtual std::string piece(TokenId id, bool special) const = 0;
  /// Text of a whole sequence, with the white-space rules of the kind (a leading space is removed
  /// where the encoder added one).
  virtual std::string decode(std::span<const TokenId> ids, bool special) const = 0;

  virtual std::size_t size() const noexcept = 0;
  virtual bool add_bos() const noexcept = 0;
  virtual bool add_eos() const noexcept = 0;
  virtual TokenId bos() const noexcept = 0;  ///< -1 if none
  virtual TokenId eos() const noexcept = 0;
  virtual bool is_end_of_generation(TokenId id) const noexcept = 0;
};

/// Builds the tokenizer that the metadata describe (tokenizer.ggml.*). Throws Fault::bad_file for
/// contradictions and Fault::unsupported for kinds that are not built in, with the list of those
/// that are.
std::unique_ptr<Tokenizer> make_tokenizer(const gguf::Metadata& metadata);

}  // namespace text
