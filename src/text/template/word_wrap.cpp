#include "text/template/word_wrap.h"

#include <algorithm>
#include <span>

#include "text/template/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

using Characters = std::span<const std::string_view>;  // of one line

std::uint32_t category_of(std::string_view character) {
  std::size_t at = 0;
  return category(decode_utf8(character, at));
}
bool is_space(std::string_view c) {
  return c.size() == 1 && std::string_view("\t\n\v\f\r ").find(c) != std::string_view::npos;
}
bool is_letter(std::string_view c) { return c == "_" || (category_of(c) & kCategoryLetter) != 0; }
/// What may stand in front of a dash between words.
bool ends_word(std::string_view c) {
  return is_word_character(c) ||
         (c.size() == 1 && std::string_view("!\"'&.,?").find(c) != std::string_view::npos);
}

/// Cuts a line into white space, words, and parts of words that end in a hyphen.
class Pieces {
 public:
  explicit Pieces(Characters line) : all_(line) {}

  std::vector<Characters> cut(bool on_hyphens) {
    std::vector<Characters> out;
    for (std::size_t at = 0; at < all_.size();) {
      const std::size_t end = is_space(all_[at]) ? run(at, is_space)
                              : on_hyphens       ? end_of_part(at)
                                                 : run(at, is_no_space);
      out.push_back(all_.subspan(at, end - at));
      at = end;
    }
    return out;
  }

 private:
  static bool is_no_space(std::string_view c) { return !is_space(c); }
  static bool is_hyphen(std::string_view c) { return c == "-"; }
  std::size_t run(std::size_t at, bool (*holds)(std::string_view)) const {
    while (at < all_.size() && holds(all_[at])) ++at;
    return at;
  }
  bool letter(std::size_t at) const { return at < all_.size() && is_letter(all_[at]); }

  /// End of a dash of several hyphens at `at` between words, or 0.
  std::size_t dash(std::size_t at) const {
    if (at == 0 || !ends_word(all_[at - 1])) return 0;
    const std::size_t end = run(at, is_hyphen);
    return end >= at + 2 && end < all_.size() && is_word_character(all_[end]) ? end : 0;
  }

  /// Whether the hyphen at `at` joins two words: two letters, or a letter, a hyphen and a character
  /// before it, two letters behind it (which may have a hyphen between them).
  bool joins(std::size_t at) const {
    const bool before =
        (at >= 2 && letter(at - 1) && letter(at - 2)) ||
        (at >= 3 && letter(at - 3) && all_[at - 2] == "-" && ends_word(all_[at - 1]));
    const std::size_t second = at + 2 < all_.size() && all_[at + 2] == "-" ? at + 3 : at + 2;
    return before && letter(at + 1) && letter(second);
  }

  std::size_t end_of_part(std::size_t begin) const {
    if (const std::size_t end = dash(begin)) return end;
    std::size_t at = begin + 1;
    for (; at < all_.size() && !is_space(all_[at]); ++at) {
      if (all_[at] != "-") continue;
      if (joins(at)) return at + 1;
      if (dash(at) != 0) return at;
    }
    return at;
  }

  Characters all_;
};

bool blank(const Characters& piece) {
  return std::all_of(piece.begin(), piece.end(),
                     [](std::string_view c) { return strip(c, std::nullopt, true, true).empty(); });
}

/// How much of a piece that is longer than a line goes into the `room` characters that are left.
std::size_t cut_of(const Characters& piece, std::size_t room, bool on_hyphens) {
  if (!on_hyphens || piece.size() <= room) return std::min(room, piece.size());
  std::size_t at = room;
  while (at > 0 && piece[at - 1] != "-") --at;
  const Characters before = piece.first(at == 0 ? 0 : at - 1);
  const bool words = std::any_of(before.begin(), before.end(), [](auto c) { return c != "-"; });
  return words ? at : room;
}

std::string joined(const std::vector<Characters>& pieces) {
  std::string out;
  for (const Characters& piece : pieces) {
    for (const std::string_view c : piece) out += c;
  }
  return out;
}

}  // namespace

bool is_word_character(std::string_view character) {
  return character == "_" || (category_of(character) & (kCategoryLetter | kCategoryNumber)) != 0;
}

std::vector<std::string> wrapped(std::string_view line, const WrapStyle& style) {
  const std::vector<std::string_view> all = characters(line);
  std::vector<Characters> pieces = Pieces(all).cut(style.break_on_hyphens);
  std::vector<std::string> lines;
  for (std::size_t next = 0; next < pieces.size();) {
    std::vector<Characters> current;
    std::size_t length = 0;
    if (!lines.empty() && blank(pieces[next])) ++next;
    while (next < pieces.size() && length + pieces[next].size() <= style.width) {
      length += pieces[next].size();
      current.push_back(pieces[next++]);
    }
    if (next < pieces.size() && pieces[next].size() > style.width) {
      Characters& piece = pieces[next];
      if (style.break_long_words) {
        const std::size_t end = cut_of(piece, style.width - length, style.break_on_hyphens);
        current.push_back(piece.first(end));
        piece = piece.subspan(end);
      } else if (current.empty()) {
        current.push_back(pieces[next++]);
      }
    }
    if (!current.empty() && blank(current.back())) current.pop_back();
    if (!current.empty()) lines.push_back(joined(current));
  }
  return lines;
}

}  // namespace text::jinja
