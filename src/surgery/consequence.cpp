#include "surgery/consequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/printable.h"
#include "model/spec.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;
using model::Role;

/// None if the keys or the architecture cannot be used: what is wrong then is told elsewhere.
std::optional<model::ModelSpec> spec_of(const gguf::FileSet& files) {
  try {
    return model::describe(files);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

bool same_bytes(const gguf::FileSet& files, const gguf::TensorInfo& a, const gguf::TensorInfo* b) {
  return b != nullptr && a.codec == b->codec && a.flat == b->flat &&
         std::ranges::equal(files.bytes(a), files.bytes(*b));
}

class LostTensors {
 public:
  LostTensors(const Draft& draft, const gguf::FileSet& result, const model::ModelSpec& before,
              const model::ModelSpec& after)
      : source_(draft.source()), result_(result), before_(before), after_(after) {}

  base::Findings run() {
    for (const model::TensorRow& row : before_.tensors) {
      if (lost(row)) lost_[row.role].push_back(row.name);
    }
    base::Findings out;
    for (const auto& [role, names] : lost_) {
      std::string text =
          role == Role::output
              ? "is gone: token_embd takes its place, with which the model was not trained"
              : "is gone: without it the model computes something else";
      if (names.size() > 1) text += fmt::format(" ({} tensors of this kind)", names.size());
      out.push_back({.level = Level::error, .where = names.front(), .text = std::move(text)});
    }
    return out;
  }

 private:
  bool lost(const model::TensorRow& row) const {
    const gguf::TensorInfo* info = source_.find(row.name);
    if (info == nullptr || !row.used || result_.find(row.name) != nullptr) return false;
    if (row.layer >= static_cast<int>(after_.n_layer)) return false;  // it runs no more
    const model::TensorRow* now = row.piece < 0 ? after_.find(row.role, row.layer) : nullptr;
    if (now == nullptr) return true;
    if (result_.find(now->name) != nullptr) return false;  // another spelling of the name
    // Under a derivation other tensors say the same; a tied output is another matrix, as a rule.
    if (now->derivation == model::Derivation::none) return true;
    if (now->derivation != model::Derivation::tied_to_token_embd) return false;
    return !same_bytes(source_, *info, source_.find(model::tensor_name(Role::token_embd, -1)));
  }

  const gguf::FileSet& source_;
  const gguf::FileSet& result_;
  const model::ModelSpec& before_;
  const model::ModelSpec& after_;
  std::map<Role, std::vector<std::string>> lost_;
};

/// What a tokenizer does without a key; "" if this kind of tokenizer does not read it.
std::string_view loss_of_tokenizer_key(std::string_view key, std::string_view kind) {
  struct Row {
    std::string_view key, kinds, text;
  };
  constexpr Row kRows[] = {
      {"scores", "llama t5", "all tokens have score 0, so that texts become other tokens"},
      {"merges", "gpt2 gemma4", "no two pieces are joined, so that texts become other tokens"},
      {"token_type", "llama t5 gpt2 gemma4 bert",
       "control tokens and bytes are taken for plain text"},
      {"precompiled_charsmap", "t5", "texts are not normalised, so that they become other tokens"},
      {"remove_extra_whitespaces", "t5", "a default takes its place"},
      {"normalizer.lowercase", "bert", "a default takes its place"},
      {"normalizer.strip_accents", "bert", "a default takes its place"},
  };
  constexpr std::string_view kGgml = "tokenizer.ggml.";
  if (key.starts_with("tokenizer.chat_template")) {
    return "programs take a chat template of their own, or none";
  }
  if (!key.starts_with(kGgml)) return "";
  key.remove_prefix(kGgml.size());
  if (key.ends_with("_token_id")) {
    return "the token of this kind of tokenizer takes its place, or none";
  }
  if (key.starts_with("add_")) return "the habit of this kind of tokenizer takes its place";
  for (const Row& row : kRows) {
    if (row.key == key && row.kinds.find(kind) != std::string_view::npos) return row.text;
  }
  return "";
}

/// Whether two descriptions make a runtime compute the same.
bool compute_alike(const model::ModelSpec& a, const model::ModelSpec& b) {
  return a.layers == b.layers && a.norm == b.norm && a.norm_eps == b.norm_eps &&
         a.embedding_scale == b.embedding_scale && a.logit_scale == b.logit_scale &&
         a.final_soft_cap == b.final_soft_cap;
}

/// The string under a key; "" if there is none.
std::string_view text_of(const gguf::Metadata& metadata, std::string_view key) {
  const gguf::Value* value = metadata.find(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

/// Keys that the source has and the result has not.
base::Findings lost_keys(const Draft& draft, gguf::FileSet& result, const model::ModelSpec* after) {
  base::Findings out;
  const gguf::Metadata& now = draft.metadata();
  const std::string_view kind = text_of(now, "tokenizer.ggml.model");
  for (const auto& [key, value] : draft.source().metadata().pairs()) {
    if (now.has(key)) continue;
    const auto add = [&, &key = key](std::string_view text) {
      out.push_back({.level = Level::warning,
                     .where = base::printable(key),
                     .text = fmt::format("is gone: {}", text)});
    };
    if (key.starts_with("tokenizer.")) {
      const std::string_view text = loss_of_tokenizer_key(key, kind);
      if (!text.empty()) add(text);
      continue;
    }
    if (after == nullptr || !key.starts_with(after->architecture + ".")) continue;
    gguf::Metadata with = now;
    with.set(key, value);
    result.set_metadata(std::move(with));
    const auto spec = spec_of(result);
    if (spec && !compute_alike(*spec, *after)) {
      add("a default takes its place, with which the model computes something else");
    }
  }
  result.set_metadata(now);
  return out;
}

}  // namespace

base::Findings lost_uses(const Draft& draft) {
  gguf::FileSet result = draft.planned();
  const auto before = spec_of(draft.source());
  const auto after = spec_of(result);
  base::Findings out;
  if (before && after) out = LostTensors(draft, result, *before, *after).run();
  base::Findings keys = lost_keys(draft, result, after ? &*after : nullptr);
  std::ranges::move(keys, std::back_inserter(out));
  return out;
}

}  // namespace surgery
