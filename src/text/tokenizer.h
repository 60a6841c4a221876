// text/: bytes to token ids and back. It knows vocabularies, not models. Source:
// docs/spec/tokenizers.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"

namespace text {

using TokenId = std::int32_t;

struct EncodeOptions {
  bool add_special = true;     ///< add BOS / EOS as the vocabulary prescribes
  bool parse_special = false;  ///< control tokens written out in the text become their ids
};

struct DecodeOptions {
  bool special = false;         ///< show control tokens
  bool remove_special = false;  ///< drop the BOS / EOS that `add_special` put there
};

/// One vocabulary with its algorithm. Immutable, shared freely between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of a text of any bytes. Throws Fault::bad_file if the vocabulary lacks a token that is
  /// needed (a byte, BOS).
  virtual std::vector<TokenId> encode(std::string_view text,
                                      const EncodeOptions& options) const = 0;
  /// Bytes of one token as it appears in text (byte tokens give their byte; control tokens give ""
  /// unless `special`). May be part of a UTF-8 sequence. Throws Fault::bad_input for an unknown id.
  virtual std::string piece(TokenId id, bool special) const = 0;
  /// Text of a whole sequence, with the white-space rules of the kind (a leading space is removed
  /// where the encoder added one).
  virtual std::string decode(std::span<const TokenId> ids, const DecodeOptions& options) const = 0;
  std::string decode(std::span<const TokenId> ids, bool special) const {
    return decode(ids, DecodeOptions{.special = special});
  }

  virtual std::size_t size() const noexcept = 0;
  virtual bool add_bos() const noexcept = 0;
  virtual bool add_eos() const noexcept = 0;
  virtual TokenId bos() const noexcept = 0;  ///< -1 if none
  virtual TokenId eos() const noexcept = 0;
  virtual TokenId end_of_turn() const noexcept = 0;
  virtual bool is_end_of_generation(TokenId id) const noexcept = 0;
  virtual bool is_control(TokenId id) const noexcept = 0;

  /// The token whose stored text is exactly `text`; -1 if none.
  virtual TokenId find(std::string_view text) const noexcept = 0;
  /// The text as the vocabulary stores it (spaces and bytes in their aliases). Throws
  /// Fault::bad_input for an unknown id.
  virtual std::string_view stored_text(TokenId id) const = 0;
  /// Doubtful things in the vocabulary that were tolerated.
  virtual const base::Findings& findings() const noexcept = 0;
};

/// Builds the tokenizer that the metadata describe (tokenizer.ggml.*). Throws Fault::bad_file for
/// contradictions and Fault::unsupported for kinds that are not built in, with the list of those
/// that are.
std::unique_ptr<Tokenizer> make_tokenizer(const gguf::Metadata& metadata);

}  // namespace text
