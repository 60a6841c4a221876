// The one file that knows PCRE2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace text {

/// A compiled expression over bytes. Immutable, shared between threads; each thread searches with
/// its own Search.
class Matcher {
 public:
  /// Throws Fault::bad_input with the expression and the place of the mistake.
  explicit Matcher(const std::string& pattern);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) = delete;

  struct Match {
    std::size_t begin, end;
  };

  class Search {
   public:
    explicit Search(const Matcher& matcher);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    /// First match of `subject` that begins at `from` or later; the subject's ends are those of the
    /// text. With `not_empty_here` an empty match at `from` does not count. Throws Fault::bad_input
    /// if the expression needs more memory than it may have.
    std::optional<Match> next(std::span<const std::uint8_t> subject, std::size_t from,
                              bool not_empty_here);

   private:
    int slow_match(std::span<const std::uint8_t> subject, std::size_t from, std::uint32_t options);
    const Matcher& matcher_;
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace text
