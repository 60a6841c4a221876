#include "convert/tiktoken.h"

#include <charconv>

#include "base/printable.h"
#include "text/kinds/byte_alias.h"
#include "text/utf8.h"

namespace convert {
namespace {

constexpr std::size_t kMaxTokenBytes = 512;  // a merge costs the square of its token's length

base::Error bad(std::string_view what, std::size_t line) {
  return base::Error(base::Fault::bad_file, "tiktoken model: " + std::string(what))
      .at("line", line);
}

using Ranks = std::unordered_map<std::string, std::int64_t>;

struct Token {
  std::string bytes;
  std::int64_t rank = 0;
  std::size_t line = 0;
};

Token parse_line(std::string_view line, std::size_t number) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) throw bad("not a token and a rank", number);
  const auto bytes = decode_base64(line.substr(0, space));
  if (!bytes || bytes->empty() || bytes->size() > kMaxTokenBytes) {
    throw bad("not a token in base64", number);
  }
  Token token{.bytes = *bytes, .line = number};
  const std::string_view rank = line.substr(space + 1);
  const auto [end, code] = std::from_chars(rank.data(), rank.data() + rank.size(), token.rank);
  if (code != std::errc() || end != rank.data() + rank.size() || token.rank < 0) {
    throw bad("not a rank", number).at("found", base::printable(rank));
  }
  return token;
}

std::vector<Token> parse_lines(std::string_view text) {
  std::vector<Token> tokens;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) tokens.push_back(parse_line(line, number));
  }
  return tokens;
}

std::string aliased(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    text::append_utf8(text::byte_alias(static_cast<std::uint8_t>(c)), out);
  }
  return out;
}

/// Merges the bytes of a token by the tokens before it until two parts are left; nothing if more
/// remain: such a token is found only as a whole word.
std::optional<std::string> merge_of(const Token& token, const Ranks& ranks) {
  std::vector<std::string> parts;
  for (const char c : token.bytes) parts.emplace_back(1, c);
  while (parts.size() > 2) {
    std::int64_t best = token.rank;
    std::size_t at = parts.size();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found != ranks.end() && found->second < best) {
        best = found->second;
        at = i;
      }
    }
    if (at == parts.size()) return std::nullopt;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  return aliased(parts[0]) + " " + aliased(parts[1]);
}

}  // namespace

TokenizerJson parse_tiktoken(std::string_view text) {
  TokenizerJson out;
  const std::vector<Token> tokens = parse_lines(text);
  if (tokens.empty()) throw bad("no tokens", 0);
  Ranks ranks;
  for (const Token& token : tokens) {
    if (!ranks.emplace(token.bytes, token.rank).second) throw bad("a token twice", token.line);
    if (out.tokens.taken(static_cast<std::size_t>(token.rank))) {
      throw bad("a rank twice", token.line).at("found", token.rank);
    }
    out.tokens.set(token.rank, aliased(token.bytes), 0, TokenType::normal);
  }
  std::vector<const Token*> by_rank(out.tokens.size());
  for (const Token& token : tokens) by_rank[static_cast<std::size_t>(token.rank)] = &token;
  for (const Token* token : by_rank) {
    if (token == nullptr || token->bytes.size() < 2) continue;
    if (auto merge = merge_of(*token, ranks)) out.merges.push_back(std::move(*merge));
  }
  return out;
}

}  // namespace convert
