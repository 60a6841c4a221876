// How a conversation looks: replies with thoughts dimmed, remarks, the prompt of the user's line.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Writes to stdout at once.
void print_now(std::string_view bytes);

/// What is coloured.
struct Colours {
  bool replies = false;  ///< stdout
  bool remarks = false;  ///< stderr
};

class Painter {
 public:
  explicit Painter(Colours colours) : colours_(colours) {}

  /// Around a reply; `thinking`: it begins inside a thought.
  void begin(bool thinking);
  void show(std::string_view text);
  void end();
  /// A line to stderr.
  void tell(const std::string& text) const;
  /// A prompt for LineReader: bold, with its last blank plain.
  std::string prompt(std::string_view mark) const;

 private:
  void open();
  void close();

  Colours colours_;
  bool thinking_ = false;
  std::string held_ = {};  ///< may become a tag
};

}  // namespace cli
