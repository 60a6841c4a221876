#include "text/pretokenize/families.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace text {
namespace {

constexpr char kFamilies[] =
#include "text/data/pretokenizers.json.embed.inc"
    ;

Family read_family(const nlohmann::json& row) {
  return {.expressions = row.at("regex").get<std::vector<std::string>>(),
          .clean_spaces = row.at("clean_spaces"),
          .ignore_merges = row.at("ignore_merges"),
          .add_bos = row.at("add_bos_default"),
          .no_bos = row.at("bos_default_none"),
          .escape_spaces = row.at("escape_whitespace"),
          .byte_aliases = row.at("byte_encode"),
          .keep_line_feed_runs = row.value("keep_line_feed_runs", false)};
}

}  // namespace

Family find_family(std::string_view name) {
  const nlohmann::json rows = nlohmann::json::parse(kFamilies);
  const nlohmann::json* found = nullptr;
  for (const nlohmann::json& row : rows) {
    const nlohmann::json& names = row.at("pre");
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    if (found == nullptr || row.at("program") != "ik_llama.cpp") found = &row;
  }
  if (found == nullptr) {
    throw base::Error(base::Fault::unsupported, "this pre-tokenizer is not known")
        .at("key", "tokenizer.ggml.pre")
        .at("found", name)
        .hint("the file was made for a newer program; its words would be cut wrongly");
  }
  return read_family(*found);
}

std::vector<NamedFamily> all_families() {
  std::vector<NamedFamily> out;
  for (const nlohmann::json& row : nlohmann::json::parse(kFamilies)) {
    if (row.at("program") == "ik_llama.cpp") continue;
    out.push_back({row.at("pre").get<std::vector<std::string>>(), read_family(row)});
  }
  return out;
}

}  // namespace text
