// One vocabulary as the metadata give it: texts, scores, attributes, special ids. Knows no
// algorithm.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "text/tokenizer.h"

namespace text {

constexpr TokenId kNone = -1;

/// Attribute bits of a token (docs/spec/tokenizers.md 1.2).
enum Attribute : std::uint16_t {
  kUnknown = 1,
  kUnused = 2,
  kNormal = 4,
  kControl = 8,
  kUserDefined = 16,
  kByte = 32,
  kLeftStrip = 128,
  kRightStrip = 256,
};

/// What a special id is for.
enum class Role : std::uint8_t {
  bos,
  eos,
  unknown,
  separator,
  padding,
  mask,
  end_of_turn,
  end_of_message,
  fim_prefix,
  fim_suffix,
  fim_middle,
  fim_padding,
  fim_repository,
  fim_separator,
  count
};

/// One id per role, kNone where there is none.
class SpecialIds {
 public:
  SpecialIds() { ids_.fill(kNone); }
  TokenId& operator[](Role role) noexcept { return ids_[static_cast<std::size_t>(role)]; }
  TokenId operator[](Role role) const noexcept { return ids_[static_cast<std::size_t>(role)]; }

 private:
  std::array<TokenId, static_cast<std::size_t>(Role::count)> ids_;
};

/// What a kind of tokenizer does unless the metadata say otherwise (docs/spec/tokenizers.md 1.4).
struct Behaviour {
  SpecialIds ids = {};
  bool add_bos = false;
  bool add_eos = false;
  bool force_bos = false;  ///< add_bos holds even if the file says no
  bool add_space_prefix = false;
  bool escape_spaces = false;       ///< space is stored as U+2581
  bool clean_spaces = false;        ///< detokenizing removes blanks before punctuation
  bool always_bos_and_sep = false;  ///< BOS first, SEP last, whatever the flags say
  bool never_adds = false;          ///< no special ids around the text at all
};

/// Token texts, scores, types. Immutable after loading; views into it live as long as it does.
class Vocab {
 public:
  /// Reads tokenizer.ggml.{tokens,scores,token_type}. Throws Fault::bad_file for a missing or empty
  /// list, lists of different length, NaN scores, and two tokens with one text.
  static Vocab load(const gguf::Metadata& metadata);

  Vocab(Vocab&&) noexcept = default;
  Vocab& operator=(Vocab&&) noexcept = default;
  Vocab(const Vocab&) = delete;
  Vocab& operator=(const Vocab&) = delete;

  std::size_t size() const noexcept { return texts_.size(); }
  bool contains(TokenId id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < texts_.size();
  }
  std::string_view text(TokenId id) const noexcept { return texts_[static_cast<std::size_t>(id)]; }
  float score(TokenId id) const noexcept {
    return scores_.empty() ? 0.0F : scores_[static_cast<std::size_t>(id)];
  }
  std::uint16_t attributes(TokenId id) const noexcept {
    return attributes_[static_cast<std::size_t>(id)];
  }
  bool has(TokenId id, std::uint16_t bits) const noexcept { return (attributes(id) & bits) != 0; }
  /// kNone if no token has exactly these bytes.
  TokenId find(std::string_view text) const noexcept;
  /// The token of one byte: `<0xHH>`, else the token of that single byte, else kNone.
  TokenId find_byte(std::uint8_t byte) const noexcept;
  /// Longest token text in bytes.
  std::size_t max_length() const noexcept { return max_length_; }

  void set_attributes(TokenId id, std::uint16_t bits) noexcept {
    attributes_[static_cast<std::size_t>(id)] = bits;
  }
  void add_attributes(TokenId id, std::uint16_t bits) noexcept {
    attributes_[static_cast<std::size_t>(id)] |= bits;
  }
  void clear_attributes(TokenId id, std::uint16_t bits) noexcept {
    attributes_[static_cast<std::size_t>(id)] &= static_cast<std::uint16_t>(~bits);
  }

 private:
  Vocab() = default;
  void read_attributes(const gguf::Metadata& metadata);
  void index();

  /// A place of the table of texts: most lookups are of words that are no token, and end after one.
  struct Slot {
    std::uint32_t tag = 0;  // upper half of the text's hash
    TokenId id = kNone;     // free
  };
  /// Where the text is, or would be put.
  std::size_t slot_of(std::string_view text, std::uint64_t hash) const noexcept;

  std::vector<std::string> texts_;
  std::vector<float> scores_;  // empty: all 0
  std::vector<std::uint16_t> attributes_;
  std::vector<Slot> slots_;  // at least twice as many as tokens
  std::array<TokenId, 256> bytes_{};
  std::size_t max_length_ = 0;
};

/// Overrides the defaults of a kind by tokenizer.ggml.*_token_id and add_*. An id outside the
/// vocabulary is ignored with a finding. Throws Fault::bad_file for keys of a wrong type.
void read_behaviour(const gguf::Metadata& metadata, const Vocab& vocab, Behaviour& behaviour,
                    base::Findings& findings);

/// Steps 6 to 8 of docs/spec/tokenizers.md 1.3: special tokens known by their text, unused marks,
/// and the set that ends generation, which is returned (one flag per id). Changes attributes.
std::vector<bool> detect_special_tokens(Vocab& vocab, SpecialIds& ids);

/// Step 11: LSTRIP and RSTRIP marks by the model's name (docs/spec/tokenizers.md 2.3).
void mark_stripping(const gguf::Metadata& metadata, const std::vector<TokenId>& special_list,
                    Vocab& vocab);

}  // namespace text
