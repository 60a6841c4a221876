// Lines that a person types: edited, with a history, in a terminal; plain otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace cli {

class LineReader {
 public:
  /// Stands around what has no width in a prompt.
  static constexpr char kNoWidth = '\1';

  LineReader();
  ~LineReader();
  LineReader(LineReader&&) noexcept;

  /// True if a person sits at the other end.
  bool interactive() const noexcept { return editor_ != nullptr; }
  /// The next line without its end; nothing at the end of the input. What a person pastes may hold
  /// line feeds. Throws Fault::interrupted for Ctrl-C. `prompt` is shown to people only.
  std::optional<std::string> next(const std::string& prompt);

 private:
  class Editor;
  std::unique_ptr<Editor> editor_;
};

}  // namespace cli
