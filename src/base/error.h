// base/: what every folder needs and no word of our field: errors, checked arithmetic, bytes from
// outside, half floats, progress. It must not know what a tensor is.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace base {

/// What kind of thing went wrong. `cli/` maps it to an exit code, `serve/` to an HTTP status.
enum class Fault {
  bad_usage,    ///< wrong option or argument: exit code 2
  bad_file,     ///< a file breaks its format or contradicts itself
  bad_input,    ///< valid files or values that do not fit together
  unsupported,  ///< understood, but not something this build can do
  io,           ///< the system refused: missing file, full disk, permission
  interrupted,  ///< the user asked to stop; state on disk is whole
};

/// The one exception of the program. A message, facts about the place (`at`), and what to do
/// (`hint`). Outer layers catch, add facts they know (file, tensor) and rethrow the same object.
class Error : public std::exception {
 public:
  Error(Fault fault, std::string message);

  /// Adds a fact; a key already present keeps its first value (the innermost layer knows best).
  Error& at(std::string_view key, std::string_view value) &;
  Error& at(std::string_view key, const char* value) & { return at(key, std::string_view(value)); }
  template <class N>
  requires std::is_arithmetic_v<N> Error& at(std::string_view key, N value) & {
    return at(key, std::string_view(std::to_string(value)));
  }
  template <class T>
  Error&& at(std::string_view key, const T& value) && {
    return std::move(this->at(key, value));
  }
  Error& expected(std::string_view what) & { return at("expected", what); }
  Error&& expected(std::string_view what) && { return std::move(this->at("expected", what)); }
  /// What the user can do about it; the first hint stays.
  Error& hint(std::string_view text) &;
  Error&& hint(std::string_view text) && { return std::move(this->hint(text)); }

  Fault fault() const noexcept { return fault_; }
  const std::string& message() const noexcept { return message_; }
  const std::vector<std::pair<std::string, std::string>>& facts() const noexcept { return facts_; }
  const std::string& hint_text() const noexcept { return hint_; }
  /// "message (key: value, key: value); hint", one line.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  void rebuild();

  Fault fault_;
  std::string message_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::string hint_;
  std::string text_;
};

/// Something doubtful but usable. Returned in reports, printed only by `cli/` and `serve/`.
struct Finding {
  enum class Level { note, warning, error };
  Level level = Level::warning;
  std::string where;  ///< file, tensor or key
  std::string text;
};
using Findings = std::vector<Finding>;

/// What an error says, for reports that go on: the tensor, key or file it names, and the facts.
Finding finding_of(const Error& e, Finding::Level level = Finding::Level::error);

}  // namespace base
