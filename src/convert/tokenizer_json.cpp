#include "convert/tokenizer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "base/printable.h"
#include "convert/json_file.h"
#include "convert/tokenizer_parts.h"

namespace convert {
namespace {

using Json = nlohmann::json;

base::Error bad(std::string_view place, std::string_view expected) {
  return base::Error(base::Fault::bad_file, "tokenizer.json has another form")
      .at("key", place)
      .at("expected", expected);
}

std::int64_t token_id(const Json& value, std::string_view place) {
  // Above 2^63 a number is unsigned; as a double any of them can be compared.
  const bool fits =
      value.is_number_integer() && value.get<double>() <= static_cast<double>(kMaxTokens);
  if (!fits) {
    throw bad(place, fmt::format("a token id, 0 to {}", kMaxTokens - 1))
        .at("found", value.is_number() ? base::printable(value.dump()) : value.type_name());
  }
  return value.get<std::int64_t>();
}

class Reader {
 public:
  explicit Reader(const Json& root) : root_(root) {}

  TokenizerJson read() {
    const Json* model = member(root_, "model");
    if (model == nullptr || !model->is_object()) throw bad("model", "an object");
    out_.added = read_added_tokens(root_);
    out_.kind = kind_of(*model);
    out_.findings = check_parts(root_, out_.kind);
    read_normalizer();
    if (out_.kind == TokenizerJson::Kind::unigram) {
      read_pieces(*model);
    } else {
      read_vocabulary(*model);
      read_merges(*model);
      check_merges();
    }
    if (out_.kind == TokenizerJson::Kind::spm) scores_from_merges();
    out_.ignore_merges = flag(*model, "ignore_merges", false);
    if (const Json* pre = member(root_, "pre_tokenizer")) out_.pre_tokenizer = *pre;
    read_post_processor();
    return std::move(out_);
  }

 private:
  TokenizerJson::Kind kind_of(const Json& model) const {
    const std::string type = word(model, "type");
    if (type == "Unigram") return TokenizerJson::Kind::unigram;
    const bool bpe = type == "BPE" || (type.empty() && member(model, "merges") != nullptr);
    if (!bpe) {
      throw base::Error(base::Fault::unsupported, "this kind of tokenizer cannot be converted")
          .at("key", "model.type")
          .at("found", base::printable(type))
          .expected("BPE or Unigram");
    }
    const auto pre = parts(member(root_, "pre_tokenizer"), "pretokenizers");
    const auto decoder = parts(member(root_, "decoder"), "decoders");
    if (part_of_type(pre, "ByteLevel") != nullptr ||
        part_of_type(decoder, "ByteLevel") != nullptr) {
      return TokenizerJson::Kind::byte_bpe;
    }
    if (flag(model, "byte_fallback", false)) return TokenizerJson::Kind::spm;
    throw base::Error(base::Fault::unsupported, "a BPE model of a kind that GGUF has no name for")
        .at("key", "pre_tokenizer")
        .expected("ByteLevel, or byte_fallback in the model");
  }

  void read_normalizer() {
    const auto list = parts(member(root_, "normalizer"), "normalizers");
    const auto pre = parts(member(root_, "pre_tokenizer"), "pretokenizers");
    if (const Json* map = part_of_type(list, "Precompiled")) {
      const auto bytes = decode_base64(word(*map, "precompiled_charsmap"));
      if (!bytes) throw bad("normalizer.precompiled_charsmap", "base64 text");
      out_.charsmap = *bytes;
    }
    const Json* metaspace = part_of_type(pre, "Metaspace");
    const bool scheme = metaspace != nullptr && word(*metaspace, "prepend_scheme") != "never" &&
                        flag(*metaspace, "add_prefix_space", true);
    out_.add_prefix_space = scheme || part_of_type(list, "Prepend") != nullptr;
    out_.remove_extra_spaces = joins_spaces(root_);
  }

  void read_vocabulary(const Json& model) {
    const Json* vocab = member(model, "vocab");
    if (vocab == nullptr || !vocab->is_object() || vocab->empty()) {
      throw bad("model.vocab", "an object with an id for every token");
    }
    const std::string unknown = word(model, "unk_token");
    for (const auto& [text, value] : vocab->items()) {
      const std::int64_t id = token_id(value, "model.vocab");
      if (id >= 0 && out_.tokens.taken(static_cast<std::size_t>(id))) {
        throw bad("model.vocab", "an id of its own for every token")
            .at("found", fmt::format("id {} for \"{}\" too", id, base::printable(text)));
      }
      out_.tokens.set(id, text, 0, type_of(text, unknown));
    }
  }

  TokenType type_of(const std::string& text, const std::string& unknown) const {
    if (out_.kind == TokenizerJson::Kind::byte_bpe) return TokenType::normal;
    if (!unknown.empty() && text == unknown) return TokenType::unknown;
    const bool byte = text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
    return byte ? TokenType::byte : TokenType::normal;
  }

  void read_merges(const Json& model) {
    const Json* merges = member(model, "merges");
    if (merges == nullptr) return;
    if (!merges->is_array()) throw bad("model.merges", "a list");
    out_.merges.reserve(merges->size());
    for (const Json& merge : *merges) out_.merges.push_back(merge_line(merge));
  }

  /// Without merges no token of several symbols can come out; one whose parts are no tokens never
  /// happens.
  void check_merges() {
    const std::vector<std::string>& texts = out_.tokens.texts();
    std::unordered_set<std::string_view> tokens(texts.begin(), texts.end());
    if (out_.merges.empty()) {
      for (const AddedToken& token : out_.added) tokens.erase(token.content);
      check_single_symbols(tokens);
    }
    for (const std::string& line : out_.merges) {
      const std::size_t cut = line.find(' ', 1);
      const std::string_view left = std::string_view(line).substr(0, cut);
      const std::string_view right = std::string_view(line).substr(cut + 1);
      const std::string both = std::string(left).append(right);
      if (tokens.contains(left) && tokens.contains(right) && tokens.contains(both)) continue;
      if (out_.n_dead_merges++ == 0) out_.dead_merge = line;
    }
  }

  void check_single_symbols(const std::unordered_set<std::string_view>& tokens) const {
    for (std::size_t id = 0; id < out_.tokens.size(); ++id) {
      const std::string& text = out_.tokens.texts()[id];
      const auto n_symbols =
          std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
      const bool merged = out_.tokens.types()[id] == static_cast<std::int32_t>(TokenType::normal) &&
                          n_symbols > 1 && tokens.contains(text);
      if (!merged) continue;
      throw bad("model.merges", "the pairs that make tokens of several symbols")
          .at("found", "none")
          .at("token", base::printable(text))
          .hint("the file is incomplete; take it from where the model is published");
    }
  }

  /// "left right", or ["left", "right"]. The line is cut at its first space behind the first byte.
  static std::string merge_line(const Json& merge) {
    if (merge.is_string()) {
      auto line = merge.get<std::string>();
      if (line.find(' ', 1) == std::string::npos) throw bad("model.merges", "two parts a merge");
      return line;
    }
    if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) {
      throw bad("model.merges", "two parts a merge");
    }
    const auto left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
    if (left.empty() || right.empty()) throw bad("model.merges", "two parts a merge");
    if (left.find(' ', 1) != std::string::npos) {
      throw base::Error(base::Fault::unsupported, "a merge with a space in its left part")
          .at("found", base::printable(left));
    }
    return fmt::format("{} {}", left, right);
  }

  /// SentencePiece merges the pair whose piece has the highest score; the merges are in that order.
  void scores_from_merges() {
    std::unordered_map<std::string, float> scores;
    for (std::size_t rank = 0; rank < out_.merges.size(); ++rank) {
      const std::string& line = out_.merges[rank];
      const std::size_t cut = line.find(' ', 1);
      scores.emplace(line.substr(0, cut) + line.substr(cut + 1), -static_cast<float>(rank));
    }
    const auto last = -static_cast<float>(out_.merges.size());
    for (std::size_t id = 0; id < out_.tokens.size(); ++id) {
      if (!out_.tokens.taken(id)) continue;
      const auto type = static_cast<TokenType>(out_.tokens.types()[id]);
      if (type != TokenType::normal) continue;
      const std::string text = out_.tokens.texts()[id];
      const auto found = scores.find(text);
      out_.tokens.set(static_cast<std::int64_t>(id), text,
                      found == scores.end() ? last : found->second, type);
    }
    out_.merges.clear();
  }

  void read_pieces(const Json& model) {
    const Json* vocab = member(model, "vocab");
    if (vocab == nullptr || !vocab->is_array() || vocab->empty()) {
      throw bad("model.vocab", "a list of pieces with scores");
    }
    const Json* unknown = member(model, "unk_id");
    const std::int64_t unk_id = unknown == nullptr ? -1 : token_id(*unknown, "model.unk_id");
    std::int64_t id = 0;
    for (const Json& piece : *vocab) {
      if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() ||
          !piece[1].is_number()) {
        throw bad("model.vocab", "pairs of text and score");
      }
      const auto score = static_cast<float>(piece[1].get<double>());
      if (!std::isfinite(score)) throw bad("model.vocab", "finite scores");
      const auto text = piece[0].get<std::string>();
      out_.tokens.set(id, text, score, id == unk_id ? TokenType::unknown : type_of(text, ""));
      ++id;
    }
  }

  static std::optional<std::string> special_at(const Json* single, bool last) {
    if (single == nullptr || !single->is_array() || single->empty()) return std::nullopt;
    const Json* token = member(last ? single->back() : single->front(), "SpecialToken");
    if (token == nullptr) return std::nullopt;
    return word(*token, "id");
  }
  static std::optional<std::string> first_word(const Json& post, const char* key) {
    const Json* pair = member(post, key);
    if (pair == nullptr || !pair->is_array() || pair->empty() || !pair->front().is_string()) {
      return std::nullopt;
    }
    return pair->front().get<std::string>();
  }

  void read_post_processor() {
    const Json* post = member(root_, "post_processor");
    out_.has_post_processor = post != nullptr;
    for (const Json* part : parts(post, "processors")) {
      const std::string type = word(*part, "type");
      if (type == "TemplateProcessing") {
        out_.begin = special_at(member(*part, "single"), false);
        out_.end = special_at(member(*part, "single"), true);
      } else if (type == "RobertaProcessing" || type == "BertProcessing") {
        out_.begin = first_word(*part, "cls");
        out_.end = first_word(*part, "sep");
      }
    }
  }

  const Json& root_;
  TokenizerJson out_;
};

}  // namespace

std::vector<AddedToken> read_added_tokens(const Json& root) {
  std::vector<AddedToken> added;
  const Json* list = member(root, "added_tokens");
  if (list == nullptr) return added;
  if (!list->is_array()) throw bad("added_tokens", "a list");
  for (const Json& item : *list) {
    const Json* id = member(item, "id");
    const Json* content = member(item, "content");
    if (id == nullptr || content == nullptr || !content->is_string()) {
      throw bad("added_tokens", "objects with id and content");
    }
    added.push_back({.id = token_id(*id, "added_tokens.id"),
                     .content = content->get<std::string>(),
                     .special = flag(item, "special", false),
                     .strips = flag(item, "lstrip", false) || flag(item, "rstrip", false),
                     .whole = flag(item, "single_word", false)});
  }
  return added;
}

TokenizerJson parse_tokenizer_json(const Json& root) {
  if (!root.is_object()) throw bad("(whole file)", "an object");
  return Reader(root).read();
}

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  unsigned n = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    n += 6;
    if (n < 8) continue;
    n -= 8;
    out.push_back(static_cast<char>(bits >> n & 0xFFU));
  }
  return out;
}

}  // namespace convert
