// Finds special tokens written out in a text, before the tokenizer proper sees the rest.
// Source: docs/spec/tokenizers.md 2.1 and 2.2.
#pragma once

#include <string_view>
#include <vector>

#include "text/special_matcher.h"
#include "text/vocab.h"

namespace text {

/// A special token, or (token == kNone) a piece of plain text for the tokenizer proper.
struct Fragment {
  TokenId token = kNone;
  std::string_view text = {};  // views the split text
};

/// Immutable; views the vocabulary's texts, so the vocabulary must outlive it.
class SpecialSplitter {
 public:
  explicit SpecialSplitter(const Vocab& vocab);

  /// Every token with CONTROL, USER_DEFINED or UNKNOWN, longest text first, then by id.
  const std::vector<TokenId>& list() const noexcept { return list_; }

  /// Cuts `text` at special tokens: the longest tokens first, each from left to right. Without
  /// `parse_special` only user-defined ones count. Time is near linear in the text, whatever it is.
  std::vector<Fragment> split(std::string_view text, bool parse_special) const;

 private:
  friend class SplitRun;

  const Vocab& vocab_;
  std::vector<TokenId> list_;
  SpecialMatcher matcher_;  // its ranks are places in list_
};

}  // namespace text
