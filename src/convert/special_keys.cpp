#include "convert/special_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "convert/json_file.h"
#include "convert/presence.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace convert {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Special {
  const char* name;  ///< of the originals: bos_token, bos_token_id
  std::string_view key;
};
constexpr Special kSpecials[] = {
    {"bos", "bos_token_id"},       {"eos", "eos_token_id"},     {"unk", "unknown_token_id"},
    {"sep", "seperator_token_id"}, {"pad", "padding_token_id"}, {"cls", "cls_token_id"},
    {"mask", "mask_token_id"},
};

/// "<s>" or {"content": "<s>", ...}.
std::optional<std::string> token_text(const Json* value) {
  if (value != nullptr && value->is_object()) value = member(*value, "content");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

/// 2, or the first of [2, 3].
std::optional<std::int64_t> id_in(const Json& config, const std::string& key) {
  const Json* value = member(config, key);
  if (value != nullptr && value->is_array() && !value->empty()) value = &value->front();
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<std::int64_t>();
}

std::optional<std::int64_t> special_id(const SpecialSources& sources, const Json& generation,
                                       const std::string& name) {
  if (const auto text = token_text(member(sources.tokenizer_config, name + "_token"))) {
    if (const std::int64_t id = sources.tokens.find(*text); id >= 0) return id;
  }
  for (const Json* config : {&sources.folder.config().json(), &generation}) {
    const auto id = id_in(*config, name + "_token_id");
    if (id && *id >= 0 && static_cast<std::uint64_t>(*id) < sources.tokens.size()) return id;
  }
  return std::nullopt;
}

Json optional_json(const fs::path& path) {
  return is_there(path) ? read_json(path) : Json::object();
}

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return base::printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// What a value of a file says of a special token and cannot be used; "" if it can.
std::string fault_of_token(const SpecialSources& sources, const Json* value) {
  if (value == nullptr) return "";
  const auto text = token_text(value);
  if (!text) return fmt::format("{} is not the text of a token", shown(*value));
  if (sources.tokens.find(*text) >= 0) return "";
  return fmt::format("\"{}\" is no token of the vocabulary", base::printable(*text));
}
std::string fault_of_id(const SpecialSources& sources, const Json* value) {
  if (value == nullptr) return "";
  if (value->is_array() && !value->empty()) value = &value->front();
  if (!value->is_number_integer()) return fmt::format("{} is not the id of a token", shown(*value));
  const double id = value->get<double>();  // as a double any integer can be compared
  if (id < static_cast<double>(sources.tokens.size())) return "";  // -1 is none, by custom
  return fmt::format("{} is outside the vocabulary of {} tokens", shown(*value),
                     sources.tokens.size());
}

/// Values that are passed over, and what is taken in their place.
void note_unusable(const SpecialSources& sources, const Json& generation, const std::string& name,
                   std::optional<std::int64_t> taken, base::Findings& findings) {
  const auto note = [&](const char* file, const std::string& key, const std::string& fault) {
    if (fault.empty()) return;
    findings.push_back(
        {.where = fmt::format("{} {}", (sources.folder.path() / file).string(), key),
         .text =
             fmt::format("{}; {}", fault,
                         taken ? fmt::format("token {} is taken, which another place names", *taken)
                               : "no other place names one")});
  };
  const std::string text_key = name + "_token", id_key = name + "_token_id";
  note("tokenizer_config.json", text_key,
       fault_of_token(sources, member(sources.tokenizer_config, text_key)));
  note("config.json", id_key, fault_of_id(sources, member(sources.folder.config().json(), id_key)));
  note("generation_config.json", id_key, fault_of_id(sources, member(generation, id_key)));
}

/// What the post-processor does counts where tokenizer_config.json is silent.
std::optional<bool> adds(const SpecialSources& sources, const char* flag,
                         const std::optional<std::string> TokenizerJson::*token,
                         base::Findings& findings) {
  const Json* value = member(sources.tokenizer_config, flag);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  if (value != nullptr) {
    const fs::path file = sources.folder.path() / "tokenizer_config.json";
    findings.push_back(
        {.where = fmt::format("{} {}", file.string(), flag),
         .text = fmt::format("{} is not true or false; it is passed over", shown(*value))});
  }
  if (sources.tokenizer == nullptr || !sources.tokenizer->has_post_processor) return std::nullopt;
  return (sources.tokenizer->*token).has_value();
}

}  // namespace

void set_special_keys(const SpecialSources& sources, gguf::Metadata& metadata,
                      base::Findings& findings) {
  const Json generation = optional_json(sources.folder.path() / "generation_config.json");
  for (const Special& special : kSpecials) {
    const auto id = special_id(sources, generation, special.name);
    const std::string key = fmt::format("tokenizer.ggml.{}", special.key);
    // tokenizer.model may have told one.
    note_unusable(sources, generation, special.name, id ? id : metadata.integer(key), findings);
    if (id) metadata.set(key, static_cast<std::uint32_t>(*id));
  }
  if (const auto bos = adds(sources, "add_bos_token", &TokenizerJson::begin, findings)) {
    metadata.set("tokenizer.ggml.add_bos_token", *bos);
  }
  if (const auto eos = adds(sources, "add_eos_token", &TokenizerJson::end, findings)) {
    metadata.set("tokenizer.ggml.add_eos_token", *eos);
  }
}

namespace {

/// eos_token_id of both files, in order, each once; without a first one that is unusable, as
/// note_unusable has told.
std::vector<std::int64_t> stop_ids(const SpecialSources& sources) {
  const Json generation = optional_json(sources.folder.path() / "generation_config.json");
  std::vector<std::int64_t> ids;
  const auto add = [&](const Json& value, bool first) {
    if (!value.is_number_integer() || (first && !fault_of_id(sources, &value).empty())) return;
    const auto id = value.get<std::int64_t>();
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  for (const Json* config : {&sources.folder.config().json(), &generation}) {
    const Json* value = member(*config, "eos_token_id");
    if (value == nullptr) continue;
    if (!value->is_array()) add(*value, true);
    if (!value->is_array()) continue;
    for (const Json& id : *value) add(id, &id == &value->front());
  }
  return ids;
}

}  // namespace

void set_stop_keys(const SpecialSources& sources, gguf::Metadata& metadata,
                   base::Findings& findings) {
  constexpr std::string_view kKeys[] = {"tokenizer.ggml.eot_token_id",
                                        "tokenizer.ggml.eom_token_id"};
  const std::vector<std::int64_t> ids = stop_ids(sources);
  const auto eos = metadata.integer("tokenizer.ggml.eos_token_id");
  if (ids.empty() || (ids.size() == 1 && ids.front() == eos)) return;
  const auto reader = text::make_tokenizer(metadata);
  std::size_t n_keys = 0;
  for (const std::int64_t id : ids) {
    const auto left_out = [&, id](std::string_view why) {
      findings.push_back({.where = "eos_token_id",
                          .text = fmt::format("a program will not stop at token {}: {}", id, why)});
    };
    if (id < 0 || static_cast<std::uint64_t>(id) >= sources.tokens.size()) {
      left_out("it is outside the vocabulary");
    } else if (reader->is_end_of_generation(static_cast<text::TokenId>(id))) {
      continue;
    } else if (!reader->is_control(static_cast<text::TokenId>(id))) {
      left_out("it is no control token");
    } else if (n_keys == std::size(kKeys)) {
      left_out("GGUF has keys for three, and this is the fourth or a further one");
    } else {
      metadata.set(std::string(kKeys[n_keys++]), static_cast<std::uint32_t>(id));
    }
  }
}

namespace {

/// A template that our own renderer cannot read is kept: another program may.
void check_template(const std::string& source, const fs::path& file, std::string_view name,
                    base::Findings& findings) {
  try {
    text::ChatTemplate{source};
  } catch (const base::Error& e) {
    constexpr std::string_view kWords = "chat template: ";
    std::string_view text = e.what();
    if (text.starts_with(kWords)) text.remove_prefix(kWords.size());
    findings.push_back({.where = fmt::format("{} chat_template{}", file.string(),
                                             name.empty() ? "" : fmt::format(" {}", name)),
                        .text = fmt::format("{}; it is written as it is", text)});
  }
}

void set_list(const Json& list, const fs::path& file, gguf::Metadata& metadata,
              base::Findings& findings) {
  std::vector<std::string> names;
  std::string fallback;
  for (const Json& item : list) {
    const auto name = token_text(member(item, "name"));
    const auto source = token_text(member(item, "template"));
    if (!name || !source) {
      findings.push_back({.where = fmt::format("chat template {}", name.value_or("in a list")),
                          .text = "has no name or no text under \"template\"; left out"});
      continue;
    }
    check_template(*source, file, base::printable(*name), findings);
    if (*name == "default") {
      fallback = *source;
      continue;
    }
    names.push_back(*name);
    metadata.set("tokenizer.chat_template." + *name, *source);
  }
  if (!names.empty()) {
    metadata.set("tokenizer.chat_templates", gguf::Array::of_strings(std::move(names)));
  }
  if (!fallback.empty()) metadata.set("tokenizer.chat_template", std::move(fallback));
}

}  // namespace

void set_chat_templates(const SpecialSources& sources, gguf::Metadata& metadata,
                        base::Findings& findings) {
  const fs::path folder = sources.folder.path();
  const fs::path jinja = folder / "chat_template.jinja";
  if (is_there(jinja)) {
    std::string source = read_text(jinja);
    check_template(source, jinja, "", findings);
    metadata.set("tokenizer.chat_template", std::move(source));
    return;
  }
  const Json separate = optional_json(folder / "chat_template.json");
  const Json* value = member(separate, "chat_template");
  const fs::path file =
      folder / (value != nullptr ? "chat_template.json" : "tokenizer_config.json");
  if (value == nullptr) value = member(sources.tokenizer_config, "chat_template");
  if (value == nullptr) return;
  if (value->is_array()) return set_list(*value, file, metadata, findings);
  if (!value->is_string()) {
    findings.push_back({.where = fmt::format("{} chat_template", file.string()),
                        .text = fmt::format("{} is no template; none is written", shown(*value))});
    return;
  }
  check_template(value->get<std::string>(), file, "", findings);
  metadata.set("tokenizer.chat_template", value->get<std::string>());
}

}  // namespace convert
