// The vocabulary of a file (docs/spec/gguf.md 5, docs/spec/tokenizers.md 1).
#include <fmt/format.h>

#include <unordered_map>

#include "base/printable.h"
#include "surgery/check.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

constexpr std::string_view kModel = "tokenizer.ggml.model";
constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";
constexpr std::string_view kTemplates = "tokenizer.chat_template";

class VocabularyCheck {
 public:
  VocabularyCheck(const gguf::Metadata& metadata, FoundList& found)
      : metadata_(metadata), found_(found) {}

  void run(std::uint64_t n_rows) {
    check_texts(n_rows);
    check_types();
    check_merges();
    check_templates();
  }
  void build() {
    try {
      const auto tokenizer = text::make_tokenizer(metadata_);
      for (const base::Finding& f : tokenizer->findings()) add(f);
      const auto flag = [&](bool on, text::TokenId id, std::string_view name) {
        if (!on || id >= 0) return;
        add({Level::error, std::string(kModel),
             fmt::format("asks for {} around texts, but the vocabulary names no such token",
                         name)});
      };
      flag(tokenizer->add_bos(), tokenizer->bos(), "BOS");
      flag(tokenizer->add_eos(), tokenizer->eos(), "EOS");
    } catch (const base::Error& e) {
      base::Finding finding = base::finding_of(e);
      if (e.fault() == base::Fault::unsupported) finding.level = Level::warning;
      const bool known = std::any_of(found_.begin(), found_.end(), [&](const Found& f) {
        return f.part == Part::tokenizer && f.finding.where == finding.where;
      });
      if (!known) add(std::move(finding));  // else it is the same fault, told in more detail
    }
  }

 private:
  void add(base::Finding finding, std::uint64_t count = 1) {
    found_.push_back(
        {.part = Part::tokenizer, .finding = std::move(finding), .file = {}, .count = count});
  }

  /// The array under a key if it has the element type; what else is there is told by `build`.
  const gguf::Array* array(std::string_view key) const {
    const gguf::Value* value = metadata_.find(key);
    return value == nullptr ? nullptr : std::get_if<gguf::Array>(value);
  }
  const std::vector<std::string>* strings(std::string_view key) const {
    const gguf::Array* a = array(key);
    return a != nullptr && a->type == gguf::ValueType::str ? &a->strings : nullptr;
  }

  void check_texts(std::uint64_t n_rows) {
    const std::vector<std::string>* tokens = strings(kTokens);
    if (tokens == nullptr) return;
    std::unordered_map<std::string_view, std::size_t> first;
    std::uint64_t n_double = 0;
    std::string text;
    for (std::size_t id = 0; id < tokens->size(); ++id) {
      const std::string& token = (*tokens)[id];
      if (token.empty()) continue;  // readers give these a text of their own
      const auto [at, fresh] = first.emplace(token, id);
      if (fresh || n_double++ > 0) continue;
      text = fmt::format("\"{}\" is the text of tokens {} and {}", base::printable(token, 40),
                         at->second, id);
    }
    if (n_double > 1) text += fmt::format(" ({} such pairs)", n_double);
    if (n_double > 0) add({Level::error, std::string(kTokens), text}, n_double);
    if (n_rows == 0 || n_rows == tokens->size()) return;
    add({Level::error, std::string(kTokens),
         fmt::format("has {} tokens, token_embd {} rows", tokens->size(), n_rows)});
  }

  void check_types() {
    const gguf::Array* types = array(kTypes);
    if (types == nullptr) return;
    try {
      std::uint64_t n_unknown = 0;
      std::string text;
      for (std::size_t id = 0; id < types->size(); ++id) {
        const std::int64_t type = types->integer(id);
        if (type >= 0 && type <= kLastTokenType) continue;
        if (n_unknown++ == 0) {
          text = fmt::format("token {} has type {}; 0 to {} are known", id, type, kLastTokenType);
        }
      }
      if (n_unknown > 1) text += fmt::format(" ({} such tokens)", n_unknown);
      if (n_unknown > 0) add({Level::warning, std::string(kTypes), text}, n_unknown);
    } catch (const base::Error& e) {
      base::Finding finding = base::finding_of(e);
      finding.where = kTypes;
      add(std::move(finding));
    }
  }

  /// A line is "left right", parted at the first space behind the first byte; both sides and what
  /// they make are worth nothing unless they lead to a token.
  void check_merges() {
    const std::vector<std::string>* merges = strings(kMerges);
    if (merges == nullptr) return;
    std::uint64_t n_bad = 0;
    std::string text;
    for (std::size_t i = 0; i < merges->size(); ++i) {
      const std::string& line = (*merges)[i];
      const std::size_t space = line.find(' ', 1);
      if (space != std::string::npos && space + 1 < line.size()) continue;
      if (n_bad++ == 0) {
        text = fmt::format("line {}, \"{}\", is not two pieces with a space between", i,
                           base::printable(line, 40));
      }
    }
    if (n_bad > 1) text += fmt::format(" ({} such lines)", n_bad);
    if (n_bad > 0) add({Level::error, std::string(kMerges), text}, n_bad);
  }

  void check_templates() {
    for (const auto& [key, value] : metadata_.pairs()) {
      const bool is_template = key == kTemplates || key.starts_with(std::string(kTemplates) + ".");
      const auto* source = std::get_if<std::string>(&value);
      if (!is_template || source == nullptr) continue;
      try {
        const text::ChatTemplate parsed(*source);
      } catch (const base::Error& e) {
        base::Finding finding = base::finding_of(e, Level::warning);
        finding.where = key;
        finding.text = "cannot be used: " + finding.text;
        add(std::move(finding));
      }
    }
  }

  static constexpr std::int64_t kLastTokenType = 6;
  const gguf::Metadata& metadata_;
  FoundList& found_;
};

}  // namespace

void check_tokenizer(const gguf::Metadata& metadata, std::uint64_t n_rows, FoundList& found) {
  if (!metadata.has(kModel)) {
    if (n_rows == 0) return;
    found.push_back({.part = Part::tokenizer,
                     .finding = {Level::warning, std::string(kModel),
                                 "is missing: no tokenizer, texts cannot be read"}});
    return;
  }
  VocabularyCheck check(metadata, found);
  check.run(n_rows);
  check.build();
}

}  // namespace surgery
