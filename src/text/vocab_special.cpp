// Special tokens that are known by their text alone. Source: docs/spec/tokenizers.md 1.5 and 2.3.
#include <algorithm>
#include <span>

#include "text/vocab.h"

namespace text {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::string_view kEndOfTurn[] = {
    "<|eot_id|>",        "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
    "<|end_of_text|>",   "<EOT>",      "_<EOT>",  "[EOT]",         "<｜end▁of▁sentence｜>",
    "<end_of_utterance>"};
constexpr std::string_view kEndOfMessage[] = {"<|eom_id|>"};
constexpr std::string_view kFimPrefix[] = {"<|fim_prefix|>",  "<fim-prefix>", "<fim_prefix>",
                                           "<｜fim▁begin｜>", "<PRE>",        "▁<PRE>",
                                           "<|code_prefix|>", "<|prefix|>"};
constexpr std::string_view kFimSuffix[] = {"<|fim_suffix|>",  "<fim-suffix>", "<fim_suffix>",
                                           "<｜fim▁hole｜>",  "<SUF>",        "▁<SUF>",
                                           "<|code_suffix|>", "<|suffix|>"};
constexpr std::string_view kFimMiddle[] = {"<|fim_middle|>",  "<fim-middle>", "<fim_middle>",
                                           "<｜fim▁end｜>",   "<MID>",        "▁<MID>",
                                           "<|code_middle|>", "<|middle|>"};
constexpr std::string_view kFimPadding[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>",
                                            "[PAD]"};
constexpr std::string_view kFimRepository[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
                                               "<REPO>", "<reponame>"};
constexpr std::string_view kFimSeparator[] = {"<|file_sep|>"};

struct RoleTexts {
  Role role;
  Texts texts;  // the first one that exists wins
};
constexpr RoleTexts kRoleTexts[] = {
    {Role::end_of_turn, kEndOfTurn},        {Role::end_of_message, kEndOfMessage},
    {Role::fim_prefix, kFimPrefix},         {Role::fim_suffix, kFimSuffix},
    {Role::fim_middle, kFimMiddle},         {Role::fim_padding, kFimPadding},
    {Role::fim_repository, kFimRepository}, {Role::fim_separator, kFimSeparator},
};

/// Besides the end-of-turn texts.
constexpr std::string_view kEndOfGeneration[] = {
    "<|eom_id|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",       "</s>",
    "[EOS]",      "<eos>",      "<turn|>",  "[e~[",      "<|tool_response>"};

/// Parts of a message that a reader wants to see, whatever their stored type.
constexpr std::string_view kVisible[] = {"<|channel|>", "<|message|>", "<|start|>",
                                         "<|constrain|>"};

class EndOfGeneration {
 public:
  EndOfGeneration(Vocab& vocab, const SpecialIds& ids)
      : vocab_(vocab), ids_(ids), ends_(vocab.size()) {}

  std::vector<bool> build() {
    for (const Role role : {Role::fim_padding, Role::fim_repository, Role::fim_separator})
      add(role);
    add_texts(kEndOfTurn);
    add_texts(kEndOfGeneration);
    for (const std::string_view text : kVisible) {
      if (const TokenId id = vocab_.find(text); id != kNone)
        vocab_.set_attributes(id, kUserDefined);
    }
    for (const Role role : {Role::eos, Role::end_of_turn, Role::end_of_message}) add(role);
    const bool calls = holds("<|call|>") || holds("<|calls|>");
    if (calls && (holds("<|return|>") || holds("<|flush|>"))) remove("<|end|>", kUserDefined);
    if (holds("<|tool_response>")) remove("</s>", kNormal);
    return std::move(ends_);
  }

 private:
  void add(Role role) {
    if (vocab_.contains(ids_[role])) ends_[static_cast<std::size_t>(ids_[role])] = true;
  }
  void add_texts(Texts texts) {
    for (const std::string_view text : texts) {
      const TokenId id = vocab_.find(text);
      if (id == kNone) continue;
      ends_[static_cast<std::size_t>(id)] = true;
      vocab_.add_attributes(id, kControl);
    }
  }
  bool holds(std::string_view text) const {
    const TokenId id = vocab_.find(text);
    return id != kNone && ends_[static_cast<std::size_t>(id)];
  }
  void remove(std::string_view text, std::uint16_t attributes) {
    if (!holds(text)) return;
    const TokenId id = vocab_.find(text);
    ends_[static_cast<std::size_t>(id)] = false;
    vocab_.set_attributes(id, attributes);
  }

  Vocab& vocab_;
  const SpecialIds& ids_;
  std::vector<bool> ends_;
};

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [text](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

void add_by_text(Vocab& vocab, std::string_view text, std::uint16_t bits) {
  if (const TokenId id = vocab.find(text); id != kNone) vocab.add_attributes(id, bits);
}

}  // namespace

std::vector<bool> detect_special_tokens(Vocab& vocab, SpecialIds& ids) {
  for (const RoleTexts& row : kRoleTexts) {
    for (const std::string_view text : row.texts) {
      if (ids[row.role] != kNone) break;
      const TokenId id = vocab.find(text);
      if (id == kNone) continue;
      ids[row.role] = id;
      vocab.add_attributes(id, kControl);
    }
  }
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const TokenId id = static_cast<TokenId>(i);
    const bool unused = vocab.text(id).find("unused") != std::string_view::npos;
    if (unused && vocab.has(id, kControl)) vocab.add_attributes(id, kUnused);
  }
  return EndOfGeneration(vocab, ids).build();
}

void mark_stripping(const gguf::Metadata& metadata, const std::vector<TokenId>& special_list,
                    Vocab& vocab) {
  const std::string_view pre = metadata.string("tokenizer.ggml.pre").value_or("");
  const std::string_view architecture = metadata.string("general.architecture").value_or("");
  const std::string name = lower_ascii(metadata.string("general.name").value_or(""));
  if (contains_any(pre, {"jina-v2-de", "jina-v2-es", "jina-v2-code"}) ||
      contains_any(architecture, {"nomic-bert-moe", "jina-bert-v3"})) {
    add_by_text(vocab, "<mask>", kLeftStrip);
  } else if (contains_any(name, {"phi-3", "phi3"})) {
    for (const TokenId id : special_list) vocab.add_attributes(id, kRightStrip);
    add_by_text(vocab, "</s>", kRightStrip);
    for (const std::string_view text : {"<unk>", "<s>", "<|endoftext|>"}) {
      if (const TokenId id = vocab.find(text); id != kNone) vocab.clear_attributes(id, kRightStrip);
    }
  } else if (contains_any(name, {"modern-bert"})) {
    add_by_text(vocab, "[MASK]", kLeftStrip);
  }
}

}  // namespace text
