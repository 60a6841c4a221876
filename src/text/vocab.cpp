// Vocabulary lists out of metadata. Source: docs/spec/tokenizers.md 1.1, 1.2; docs/spec/gguf.md 5.
#include "text/vocab.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "text/text_hash.h"

namespace text {
namespace {

constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kScores[] = "tokenizer.ggml.scores";
constexpr char kTypes[] = "tokenizer.ggml.token_type";

/// Stored type number -> attribute bits; anything else is undefined (0).
constexpr std::uint16_t kTypeBits[] = {0,       kNormal, kUnknown, kControl, kUserDefined,
                                       kUnused, kByte};

struct IdKey {
  std::string_view key;  // after "tokenizer.ggml."
  Role role;
};
// Later rows win: the short fim names are the deprecated ones, read last by the public programs.
constexpr IdKey kIdKeys[] = {
    {"bos_token_id", Role::bos},
    {"eos_token_id", Role::eos},
    {"eot_token_id", Role::end_of_turn},
    {"eom_token_id", Role::end_of_message},
    {"unknown_token_id", Role::unknown},
    {"seperator_token_id", Role::separator},
    {"padding_token_id", Role::padding},
    {"mask_token_id", Role::mask},
    {"fim_pre_token_id", Role::fim_prefix},
    {"fim_suf_token_id", Role::fim_suffix},
    {"fim_mid_token_id", Role::fim_middle},
    {"fim_pad_token_id", Role::fim_padding},
    {"fim_rep_token_id", Role::fim_repository},
    {"fim_sep_token_id", Role::fim_separator},
    {"prefix_token_id", Role::fim_prefix},
    {"suffix_token_id", Role::fim_suffix},
    {"middle_token_id", Role::fim_middle},
};

struct FlagKey {
  std::string_view key;
  bool Behaviour::*flag;
};
constexpr FlagKey kFlagKeys[] = {
    {"add_bos_token", &Behaviour::add_bos},
    {"add_eos_token", &Behaviour::add_eos},
    {"add_space_prefix", &Behaviour::add_space_prefix},
};

base::Error bad_list(std::string message, std::string_view key) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("key", key);
}

void check_length(std::string_view key, std::size_t found, std::size_t n_tokens) {
  if (found == n_tokens) return;
  throw bad_list("vocabulary lists differ in length", key)
      .at("found", fmt::format("{} values", found))
      .expected(fmt::format("{}, one per token", n_tokens));
}

std::vector<std::string> read_texts(const gguf::Metadata& metadata) {
  const gguf::Array* tokens = metadata.array(kTokens);
  if (tokens == nullptr) {
    throw bad_list("the file has no token list", kTokens)
        .hint("the file carries no vocabulary; use one that does");
  }
  if (tokens->type != gguf::ValueType::str) {
    throw bad_list("the token list does not hold strings", kTokens)
        .at("found", gguf::type_name(tokens->type))
        .expected("str");
  }
  if (tokens->strings.empty()) throw bad_list("the token list is empty", kTokens);
  std::vector<std::string> texts = tokens->strings;
  for (std::size_t id = 0; id < texts.size(); ++id) {
    if (texts[id].empty()) texts[id] = fmt::format("[EMPTY_{}]", id);
  }
  return texts;
}

std::vector<float> read_scores(const gguf::Metadata& metadata, std::size_t n_tokens) {
  const gguf::Array* array = metadata.array(kScores);
  if (array == nullptr) return {};
  check_length(kScores, array->size(), n_tokens);
  std::vector<float> scores(n_tokens);
  for (std::size_t id = 0; id < n_tokens; ++id) {
    scores[id] = static_cast<float>(array->number(id));
    if (std::isnan(scores[id]))
      throw bad_list("a token's score is not a number", kScores).at("id", id);
  }
  return scores;
}

}  // namespace

Vocab Vocab::load(const gguf::Metadata& metadata) {
  Vocab vocab;
  vocab.texts_ = read_texts(metadata);
  vocab.scores_ = read_scores(metadata, vocab.size());
  vocab.read_attributes(metadata);
  vocab.index();
  return vocab;
}

void Vocab::read_attributes(const gguf::Metadata& metadata) {
  attributes_.assign(size(), kNormal);
  const gguf::Array* types = metadata.array(kTypes);
  if (types == nullptr) return;
  check_length(kTypes, types->size(), size());
  for (std::size_t id = 0; id < size(); ++id) {
    const std::int64_t type = types->integer(id);
    const bool known = type >= 0 && type < static_cast<std::int64_t>(std::size(kTypeBits));
    attributes_[id] = known ? kTypeBits[type] : std::uint16_t{0};
  }
}

void Vocab::index() {
  slots_.resize(std::bit_ceil(2 * size()));
  for (std::size_t id = 0; id < size(); ++id) {
    const std::uint64_t hash = hash_text(texts_[id]);
    Slot& slot = slots_[slot_of(texts_[id], hash)];
    if (slot.id != kNone) {
      throw bad_list("two tokens have the same text", kTokens)
          .at("text", texts_[id])
          .at("ids", fmt::format("{} and {}", slot.id, id));
    }
    slot = {.tag = static_cast<std::uint32_t>(hash >> 32), .id = static_cast<TokenId>(id)};
    max_length_ = std::max(max_length_, texts_[id].size());
  }
  for (unsigned byte = 0; byte < bytes_.size(); ++byte) {
    bytes_[byte] = find(fmt::format("<0x{:02X}>", byte));
    const char plain = static_cast<char>(byte);
    if (bytes_[byte] == kNone) bytes_[byte] = find({&plain, 1});
  }
}

std::size_t Vocab::slot_of(std::string_view text, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id == kNone) return at;
    if (slot.tag == hash >> 32 && this->text(slot.id) == text) return at;
  }
}

TokenId Vocab::find(std::string_view text) const noexcept {
  return slots_[slot_of(text, hash_text(text))].id;
}

TokenId Vocab::find_byte(std::uint8_t byte) const noexcept { return bytes_[byte]; }

void read_behaviour(const gguf::Metadata& metadata, const Vocab& vocab, Behaviour& behaviour,
                    base::Findings& findings) {
  for (const IdKey& row : kIdKeys) {
    const std::string key = fmt::format("tokenizer.ggml.{}", row.key);
    const std::optional<std::int64_t> id = metadata.integer(key);
    if (!id) continue;
    if (*id >= 0 && static_cast<std::uint64_t>(*id) < vocab.size()) {
      behaviour.ids[row.role] = static_cast<TokenId>(*id);
    } else {
      findings.push_back(
          {.level = base::Finding::Level::warning,
           .where = key,
           .text = fmt::format("token id {} is outside the vocabulary of {} tokens and is ignored",
                               *id, vocab.size())});
    }
  }
  for (const FlagKey& row : kFlagKeys) {
    const std::string key = fmt::format("tokenizer.ggml.{}", row.key);
    if (const std::optional<bool> flag = metadata.boolean(key)) behaviour.*row.flag = *flag;
  }
  behaviour.add_bos = behaviour.add_bos || behaviour.force_bos;
  for (std::size_t r = 0; r < static_cast<std::size_t>(Role::count); ++r) {
    TokenId& id = behaviour.ids[static_cast<Role>(r)];
    if (!vocab.contains(id))
      id = kNone;  // the default of a kind may not exist in a small vocabulary
  }
}

}  // namespace text
