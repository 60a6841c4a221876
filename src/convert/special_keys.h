#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "convert/folder.h"
#include "convert/token_list.h"
#include "convert/tokenizer_json.h"
#include "gguf/value.h"

namespace convert {

/// What several files of a folder say about special tokens. Views: the owners must outlive it.
struct SpecialSources {
  const ModelFolder& folder;
  const TokenList& tokens;
  const nlohmann::json& tokenizer_config;
  const TokenizerJson* tokenizer = nullptr;  ///< null: from tokenizer.model
};

/// tokenizer.ggml.*_token_id from tokenizer_config.json, else config.json and
/// generation_config.json; add_bos_token and add_eos_token from tokenizer_config.json, else from
/// the post-processor.
void set_special_keys(const SpecialSources& sources, gguf::Metadata& metadata,
                      base::Findings& findings);

/// Further ids of eos_token_id, as config.json and generation_config.json list them, that a reader
/// would not stop at by the keys and texts written so far: tokenizer.ggml.eot_token_id, then
/// eom_token_id. A finding for those that are no control tokens, and for more than two. Comes after
/// set_special_keys and the tokens.
void set_stop_keys(const SpecialSources& sources, gguf::Metadata& metadata,
                   base::Findings& findings);

/// tokenizer.chat_template: chat_template.jinja, chat_template.json or tokenizer_config.json; named
/// ones beside it.
void set_chat_templates(const SpecialSources& sources, gguf::Metadata& metadata,
                        base::Findings& findings);

}  // namespace convert
