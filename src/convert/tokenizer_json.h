#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "convert/token_list.h"

namespace convert {

/// tokenizer.json, as far as GGUF can say it.
// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON does not throw, though not marked so
struct TokenizerJson {
  enum class Kind : std::uint8_t {
    byte_bpe,  ///< byte-level BPE: "gpt2"
    spm,       ///< BPE over text with U+2581 and byte tokens: "llama"; scores from the merges
    unigram,   ///< "t5"
  };
  Kind kind = Kind::byte_bpe;
  TokenList tokens;  ///< without the added ones
  std::vector<AddedToken> added;
  std::vector<std::string> merges;  ///< "left right"
  std::size_t n_dead_merges = 0;    ///< of which a part or the whole is no token
  std::string dead_merge;           ///< the first of them
  bool ignore_merges = false;
  bool add_prefix_space = false;     ///< spm, unigram: a space is put in front of a text
  std::string charsmap;              ///< unigram: precompiled normalisation
  nlohmann::json pre_tokenizer;      ///< byte_bpe: as it stands
  bool has_post_processor = false;   ///< then the next two are known
  std::optional<std::string> begin;  ///< token that the post-processor puts in front of a text
  std::optional<std::string> end;    ///< and behind it
  bool remove_extra_spaces = false;  ///< unigram: several spaces count as one
  base::Findings findings;           ///< parts that are not written
};

/// Throws Fault::bad_file naming the place for another form, ids and merges that contradict the
/// vocabulary; Fault::unsupported for models, and parts around them, that GGUF has no name for.
TokenizerJson parse_tokenizer_json(const nlohmann::json& root);

/// The list "added_tokens" alone. Throws Fault::bad_file for another form.
std::vector<AddedToken> read_added_tokens(const nlohmann::json& root);

/// Bytes of base64 text; nothing if it is none.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace convert
