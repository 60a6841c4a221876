// Lines that a person types: edited, with a history, in a terminal; plain otherwise.
#pragma once

#include <optional>
#include <string>

namespace cli {

class LineReader {
 public:
  LineReader();

  /// True if a person sits at the other end.
  bool interactive() const noexcept { return interactive_; }
  /// The next line without its end; nothing at the end of the input. Throws Fault::interrupted for
  /// Ctrl-C. `prompt` is shown to people only.
  std::optional<std::string> next(const std::string& prompt);

 private:
  bool interactive_;
};

}  // namespace cli
