#include "text/clean_spaces.h"

namespace text {
namespace {

/// " ," -> ",".
std::string before_punctuation(std::string_view in) {
  constexpr std::string_view kMarks = "?!.,";
  std::string out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool blank_before_mark =
        in[i] == ' ' && i + 1 < in.size() && kMarks.find(in[i + 1]) != std::string_view::npos;
    if (!blank_before_mark) out.push_back(in[i]);
  }
  return out;
}

/// " ' " -> "'". The blank on the right cannot serve as the left blank of the next apostrophe.
std::string around_apostrophe(std::string in) {
  std::string out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (i > 0 && in[i] == '\'' && in[i - 1] == ' ' && i + 1 < in.size() && in[i + 1] == ' ') {
      out.back() = '\'';
      in[++i] = '\0';
    } else {
      out.push_back(in[i]);
    }
  }
  return out;
}

/// " 's" -> "'s", also 'm, 're, 've.
std::string before_contraction(std::string_view in) {
  std::string out;
  out.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::string_view rest = in.substr(i);
    const bool contraction = rest.starts_with(" 's") || rest.starts_with(" 'm") ||
                             rest.starts_with(" 're") || rest.starts_with(" 've");
    if (!contraction) out.push_back(in[i]);
  }
  return out;
}

}  // namespace

std::string clean_spaces(std::string_view text) {
  return before_contraction(around_apostrophe(before_punctuation(text)));
}

}  // namespace text
