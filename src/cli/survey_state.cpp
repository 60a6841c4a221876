#include "cli/survey_state.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/output_file.h"

namespace cli {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::string name_of(const std::string& type, bool importance) {
  return importance ? type + " with importance" : type;
}

json estimate_json(const eval::Estimate& e) { return {e.value, e.error}; }
eval::Estimate estimate_of(const json& j) { return {j.at(0).get<double>(), j.at(1).get<double>()}; }

json row_json(const report::SurveyRow& r) {
  return {{"type", r.type},
          {"importance", r.with_importance},
          {"bytes", r.file_bytes},
          {"bpw", r.bits_per_weight},
          {"seconds", r.seconds},
          {"ppl", estimate_json(r.perplexity)},
          {"kld", estimate_json(r.kld)},
          {"kld_99", r.kld_99},
          {"same_top", estimate_json(r.same_top)}};
}

report::SurveyRow row_of(const json& j) {
  return {.type = j.at("type").get<std::string>(),
          .with_importance = j.at("importance").get<bool>(),
          .file_bytes = j.at("bytes").get<std::uint64_t>(),
          .bits_per_weight = j.at("bpw").get<double>(),
          .seconds = j.at("seconds").get<double>(),
          .perplexity = estimate_of(j.at("ppl")),
          .kld = estimate_of(j.at("kld")),
          .kld_99 = j.at("kld_99").get<double>(),
          .same_top = estimate_of(j.at("same_top"))};
}

}  // namespace

SurveyState::SurveyState(std::filesystem::path path, std::string key)
    : path_(std::move(path)), key_(std::move(key)) {
  try {
    load();
  } catch (const json::exception&) {
    clear();
  }
}

void SurveyState::clear() {
  importance_hash_.clear();
  original_.reset();
  rows_.clear();
}

void SurveyState::load() {
  std::ifstream in(path_);
  if (!in) return;
  const json all = json::parse(in);
  if (all.at("version") != kVersion || all.at("key") != key_) return;
  importance_hash_ = all.at("importance_hash").get<std::string>();
  if (const json& o = all.at("original"); !o.is_null()) {
    original_ = Original{.perplexity = estimate_of(o.at("ppl")),
                         .base_bytes = o.at("base_bytes").get<std::uint64_t>()};
  }
  for (const json& one : all.at("rows")) {
    report::SurveyRow row = row_of(one);
    rows_[name_of(row.type, row.with_importance)] = std::move(row);
  }
}

void SurveyState::save() const {
  json rows = json::array();
  for (const auto& [name, row] : rows_) rows.push_back(row_json(row));
  json all = {{"version", kVersion},
              {"key", key_},
              {"importance_hash", importance_hash_},
              {"original", nullptr},
              {"rows", std::move(rows)}};
  if (original_) {
    all["original"] = {{"ppl", estimate_json(original_->perplexity)},
                       {"base_bytes", original_->base_bytes}};
  }
  const std::string text = all.dump(1) + "\n";
  base::write_file(path_, std::as_bytes(std::span(text)));
}

const report::SurveyRow* SurveyState::find(const std::string& type, bool importance) const {
  const auto it = rows_.find(name_of(type, importance));
  return it == rows_.end() ? nullptr : &it->second;
}

void SurveyState::set_importance(std::string hash) {
  importance_hash_ = std::move(hash);
  save();
}

void SurveyState::set_original(const Original& original) {
  original_ = original;
  save();
}

void SurveyState::add(const report::SurveyRow& row) {
  rows_[name_of(row.type, row.with_importance)] = row;
  save();
}

}  // namespace cli
