#include "eval/corpus.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "text/utf8.h"

namespace eval {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<char> simple_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case '\'':
      return '\'';
    case '"':
      return '"';
    case '\\':
      return '\\';
    default:
      return std::nullopt;
  }
}

/// Bytes that belong to no character.
std::size_t broken_utf8(std::string_view text) noexcept {
  std::size_t broken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (text::decode_utf8(text, at) == text::kReplacement && at == begin + 1) ++broken;
  }
  return broken;
}

base::Error no_text(std::string message, const std::filesystem::path& path) {
  return base::Error(base::Fault::bad_input, std::move(message)).at("file", path.string());
}

/// Bytes of which no tokenizer makes words: other files, other encodings. Latin letters of an old
/// encoding are few and go through with a warning.
void check_text(const std::string& text, const std::filesystem::path& path,
                base::Findings* findings) {
  constexpr std::size_t kMostBroken = 10;  // one byte in so many
  if (text.starts_with("GGUF")) {
    throw no_text("the text is a GGUF file", path)
        .expected("running text")
        .hint("the model is given with -m");
  }
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw no_text("the text is in UTF-16", path)
        .at("found", "its byte order mark")
        .expected("UTF-8")
        .hint("convert it: iconv -f UTF-16 -t UTF-8");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) {
    throw no_text("this is not a text", path)
        .at("found", "a NUL byte")
        .at("offset", nul)
        .expected("text in UTF-8");
  }
  const std::size_t broken = broken_utf8(text);
  if (broken == 0) return;
  if (broken > text.size() / kMostBroken) {
    throw no_text("this is not a text in UTF-8", path)
        .at("found", fmt::format("{} of {} bytes are not UTF-8", broken, text.size()))
        .hint("convert it, if it is in another encoding: iconv -f LATIN1 -t UTF-8");
  }
  if (findings != nullptr) {
    findings->push_back({base::Finding::Level::warning, path.string(),
                         fmt::format("{} of {} bytes are not UTF-8", broken, text.size())});
  }
}

}  // namespace

std::string process_escapes(std::string_view text, std::size_t* replaced) {
  std::string out;
  out.reserve(text.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (const auto c = simple_escape(text[i + 1])) {
      out += *c;
      ++i;
      ++count;
      continue;
    }
    if (text[i + 1] == 'x' && i + 3 < text.size()) {
      const auto high = hex_digit(text[i + 2]);
      const auto low = hex_digit(text[i + 3]);
      if (high && low) {
        out += static_cast<char>(*high * 16 + *low);
        i += 3;
        ++count;
        continue;
      }
    }
    out += text[i];
  }
  if (replaced != nullptr) *replaced = count;
  return out;
}

std::string load_corpus(const std::filesystem::path& path, bool escapes, base::Findings* findings) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path)) {
    throw base::Error(base::Fault::io, "cannot read text file")
        .at("file", path.string())
        .at("reason", in ? "it is a folder" : std::strerror(errno));
  }
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) {
    throw base::Error(base::Fault::io, "cannot read text file").at("file", path.string());
  }
  check_text(text, path, findings);
  if (text.starts_with("\xEF\xBB\xBF") && findings != nullptr) {
    findings->push_back({base::Finding::Level::warning, path.string(),
                         "it begins with a byte order mark, which is taken as text, as the public "
                         "programs do: tail -c +4 removes it"});
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!escapes) return text;
  std::size_t replaced = 0;
  std::string out = process_escapes(text, &replaced);
  if (replaced > 0 && findings != nullptr) {
    findings->push_back({base::Finding::Level::warning, path.string(),
                         fmt::format("{} escape sequences such as \\n were replaced, as the public "
                                     "programs do; --no-escape keeps the text as it is",
                                     replaced)});
  }
  return out;
}

Windows cut_windows(const text::Tokenizer& tokenizer, std::string_view text, std::size_t window,
                    std::size_t skip, std::size_t max_windows, bool parse_special) {
  if (tokenizer.add_eos()) {
    throw base::Error(base::Fault::unsupported, "the vocabulary appends EOS to every text")
        .hint("windows of running text cannot be measured with it");
  }
  std::vector<text::TokenId> ids =
      tokenizer.encode(text, {.add_special = true, .parse_special = parse_special});
  if (ids.size() < 2 * window) {
    throw base::Error(base::Fault::bad_input, "the text is too short")
        .at("found", fmt::format("{} tokens", ids.size()))
        .expected(fmt::format("at least {} (two windows of {})", 2 * window, window))
        .hint("give a longer text or a smaller -c");
  }
  const std::size_t all = ids.size() / window;
  if (skip >= all) {
    throw base::Error(base::Fault::bad_input, "all chunks are skipped")
        .at("found", skip)
        .expected(fmt::format("fewer than {}", all));
  }
  std::size_t n = all - skip;
  if (max_windows != 0) n = std::min(n, max_windows);
  const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(skip * window);
  return {.tokens = {begin, begin + static_cast<std::ptrdiff_t>(n * window)},
          .window = window,
          .n_windows = n};
}

std::vector<runtime::Chunk> to_chunks(const Windows& windows, const text::Tokenizer& tokenizer,
                                      std::size_t first_output) {
  std::vector<runtime::Chunk> chunks(windows.n_windows);
  for (std::size_t c = 0; c < windows.n_windows; ++c) {
    const auto tokens = windows.of(c);
    chunks[c].tokens.assign(tokens.begin(), tokens.end());
    if (tokenizer.add_bos()) chunks[c].tokens.front() = tokenizer.bos();
    chunks[c].first_output = first_output;
  }
  return chunks;
}

}  // namespace eval
