// Cuts a text into the words inside which tokens are merged. Source: docs/spec/tokenizers.md 5.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace text {

/// A text in well-formed UTF-8 and where its words end.
struct Words {
  std::string_view text;          ///< the input, or `storage` if the input had to be mended
  std::vector<std::size_t> ends;  ///< in bytes, rising; the last one is text.size()
  std::string storage = {};
};

/// Immutable, shared between threads.
class Pretokenizer {
 public:
  /// `expressions` in the dialect of docs/spec/tokenizers.md 5.2, applied in order. Throws
  /// Fault::bad_input for an expression outside the dialect.
  explicit Pretokenizer(const std::vector<std::string>& expressions);
  ~Pretokenizer();
  Pretokenizer(const Pretokenizer&) = delete;
  Pretokenizer& operator=(const Pretokenizer&) = delete;

  /// Bytes that are no UTF-8 become U+FFFD first. `text` must outlive `words`.
  void split(std::string_view text, Words& words) const;

 private:
  struct Stages;
  std::unique_ptr<Stages> stages_;
};

}  // namespace text
