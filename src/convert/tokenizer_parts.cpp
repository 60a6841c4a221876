#include "convert/tokenizer_parts.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "convert/json_file.h"
#include "text/utf8.h"

namespace convert {
namespace {

using Json = nlohmann::json;
using Kind = TokenizerJson::Kind;

constexpr std::string_view kSeveralSpaces = " {2,}";

base::Error no_form(const std::string& key, const std::string& found) {
  return base::Error(base::Fault::unsupported, "the tokenizer does what GGUF cannot say")
      .at("key", key)
      .at("found", base::printable(found))
      .hint("its ids would be wrong for usual text");
}

/// "Replace: a -> b".
std::string described(const Json& part) {
  std::string out = word(part, "type");
  if (out != "Replace") return out;
  const Json* pattern = member(part, "pattern");
  const std::string from =
      pattern == nullptr ? "" : word(*pattern, "String") + word(*pattern, "Regex");
  return fmt::format("{}: \"{}\" -> \"{}\"", out, from, word(part, "content"));
}

bool joins(const Json& part) {
  const Json* pattern = member(part, "pattern");
  const std::string content = word(part, "content");
  return word(part, "type") == "Replace" && pattern != nullptr &&
         word(*pattern, "Regex") == kSeveralSpaces &&
         (content == " " || content == text::kSpaceMark);
}

/// A space written as U+2581, or back.
bool marks_spaces(const Json& part) {
  const Json* pattern = member(part, "pattern");
  if (pattern == nullptr) return false;
  const std::string from = word(*pattern, "String"), to = word(part, "content");
  return (from == " " && to == text::kSpaceMark) || (from == text::kSpaceMark && to == " ");
}

struct Around {
  const Json& root;
  Kind kind;

  std::vector<const Json*> normalizers() const {
    return parts(member(root, "normalizer"), "normalizers");
  }
  std::vector<const Json*> pre_tokenizers() const {
    return parts(member(root, "pre_tokenizer"), "pretokenizers");
  }

  bool normalizer_is_known(const Json& part) const {
    const std::string type = word(part, "type");
    // NFC changes next to no text that people type; every program leaves it out.
    if (type.empty() || type == "NFC") return true;
    const bool bytes = kind == Kind::byte_bpe, unigram = kind == Kind::unigram;
    if (type == "Precompiled") return unigram;
    if (type == "Prepend") return !bytes && word(part, "prepend") == text::kSpaceMark;
    if (type == "Replace") return !bytes && (marks_spaces(part) || (unigram && joins(part)));
    if (type != "Strip") return false;
    const bool strips = flag(part, "strip_left", true) || flag(part, "strip_right", true);
    return !strips || (unigram && joins_spaces(root));
  }

  void check_normalizers() const {
    for (const Json* part : normalizers()) {
      if (!normalizer_is_known(*part)) throw no_form("normalizer", described(*part));
    }
  }

  void check_pre_tokenizers(base::Findings& findings) const {
    for (const Json* part : pre_tokenizers()) {
      const std::string type = word(*part, "type");
      if (type == "ByteLevel" && flag(*part, "add_prefix_space", false)) {
        throw no_form("pre_tokenizer.add_prefix_space", "true");
      }
      if (kind == Kind::byte_bpe) continue;  // find_pre_name knows each of them
      const std::string mark = word(*part, "replacement");
      if (type == "Metaspace" && !mark.empty() && mark != text::kSpaceMark) {
        throw no_form("pre_tokenizer.replacement", mark);
      }
      const Json* pattern = member(*part, "pattern");
      const bool spaces = pattern != nullptr && word(*pattern, "String") == " ";
      if (type.empty() || type == "Metaspace" || type == "WhitespaceSplit" || spaces) continue;
      findings.push_back({.where = "tokenizer.json pre_tokenizer",
                          .text = fmt::format("{} is not written: this kind of vocabulary cuts no "
                                              "words, so tokens may reach over its cuts",
                                              base::printable(type))});
    }
  }

  void check_model(base::Findings& findings) const {
    const Json* model = member(root, "model");
    if (model == nullptr) return;
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      const std::string affix = word(*model, key);
      if (!affix.empty()) throw no_form(fmt::format("model.{}", key), affix);
    }
    const Json* dropout = member(*model, "dropout");
    if (dropout == nullptr || !dropout->is_number() || dropout->get<double>() == 0) return;
    findings.push_back({.where = "tokenizer.json model.dropout",
                        .text = "merges left out by chance are for training; not written"});
  }
};

}  // namespace

std::vector<const Json*> parts(const Json* thing, std::string_view list) {
  std::vector<const Json*> out;
  if (thing == nullptr) return out;
  const Json* inner = member(*thing, list);
  if (word(*thing, "type") != "Sequence" || inner == nullptr || !inner->is_array()) {
    return {thing};
  }
  for (const Json& part : *inner) out.push_back(&part);
  return out;
}

const Json* part_of_type(const std::vector<const Json*>& list, std::string_view type) {
  for (const Json* part : list) {
    if (word(*part, "type") == type) return part;
  }
  return nullptr;
}

bool joins_spaces(const Json& root) {
  const Around around{.root = root, .kind = Kind::unigram};
  for (const Json* part : around.normalizers()) {
    if (joins(*part)) return true;
  }
  return part_of_type(around.pre_tokenizers(), "WhitespaceSplit") != nullptr;
}

base::Findings check_parts(const Json& root, Kind kind) {
  const Around around{.root = root, .kind = kind};
  base::Findings findings;
  around.check_normalizers();
  around.check_pre_tokenizers(findings);
  around.check_model(findings);
  return findings;
}

}  // namespace convert
