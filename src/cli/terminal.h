// The terminal as all commands see it: whether there is one, whether it gets colours, and how a
// conversation holds its keys.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Whether what goes to descriptor `fd` is seen on a terminal that obeys control sequences
/// (TERM=dumb does not).
bool is_screen(int fd);

/// Whether colours go to `fd`. `mode`: "always" or "on", "never" or "off", else "auto": on a
/// screen, unless NO_COLOR is set and not empty (https://no-color.org).
bool wants_colour(std::string_view mode, int fd);

/// Text of a model or a vocabulary, which may be a stranger's, for descriptor `fd`: on a terminal
/// control characters are shown as two (^[), so that they do not act; line feeds, carriage returns
/// and tabs stay, elsewhere every byte.
std::string for_screen(std::string text, int fd);

/// The keyboard of a conversation: what is typed while no line is edited is not shown and is there
/// for the next line; pastes come with marks around them (paste.h) where the terminal can do that.
/// One at a time; what it found is put back in the end, also by restore_terminal().
class Keyboard {
 public:
  Keyboard();
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;
  /// Sets the terminal so again, which a shell has changed; nothing if there is no Keyboard.
  static void hold();
};

/// For a signal handler that ends the program: gives the terminal back as the Keyboard found it,
/// without colours.
void restore_terminal() noexcept;

}  // namespace cli
