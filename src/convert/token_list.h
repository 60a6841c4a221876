#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace convert {

/// Types of tokens as GGUF numbers them.
enum class TokenType : std::int32_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

/// A token that stands beside the model of a tokenizer: markers, tools, roles.
struct AddedToken {
  std::int64_t id = 0;
  std::string content;
  bool special = false;
  bool strips = false;  ///< takes white space beside it (lstrip, rstrip)
  bool whole = false;   ///< is none inside a word (single_word)
};

/// Most tokens that a vocabulary may have.
constexpr std::size_t kMaxTokens = std::size_t{1} << 22;

/// Texts, scores and types by id. An id without token yet has type `unused` and no text.
class TokenList {
 public:
  std::size_t size() const noexcept { return texts_.size(); }
  const std::vector<std::string>& texts() const noexcept { return texts_; }
  const std::vector<float>& scores() const noexcept { return scores_; }
  const std::vector<std::int32_t>& types() const noexcept { return types_; }
  bool taken(std::size_t id) const noexcept { return id < texts_.size() && taken_[id]; }

  /// Grows as needed. Throws Fault::bad_file for ids below 0 or above kMaxTokens.
  void set(std::int64_t id, std::string text, float score, TokenType type);
  /// Adds or renames the token as the public converter does: special ones (and those that look so)
  /// are control tokens, others user defined with real spaces. A token that the model itself calls
  /// unknown, control or a byte keeps that type.
  void add(const AddedToken& token, base::Findings& findings);
  /// Fills free ids and those up to `n_vocab` with "[PADn]". Throws Fault::bad_file if there are
  /// more tokens than the embedding has rows.
  void pad(std::size_t n_vocab);
  /// -1 if no token has this text.
  std::int64_t find(std::string_view text) const;

 private:
  std::vector<std::string> texts_;
  std::vector<float> scores_;
  std::vector<std::int32_t> types_;
  std::vector<bool> taken_;
};

}  // namespace convert
