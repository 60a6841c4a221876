#include "cli/survey_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/output_file.h"

namespace cli {
namespace {

using nlohmann::json;

constexpr int kVersion = 2;

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

base::Error damaged(const std::filesystem::path& path, std::string what) {
  return base::Error(base::Fault::bad_file, std::move(what))
      .at("file", path.string())
      .hint("move it away, name another folder with -o, or begin anew with --no-resume");
}

json parsed(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return nullptr;
  try {
    return json::parse(in);
  } catch (const json::parse_error& e) {
    throw damaged(path, "the state of the survey is damaged: not JSON").at("offset", e.byte);
  }
}

/// What differs without being the user's choice: the same command goes on after a new build or on
/// another machine, but its numbers do not stand beside the old ones.
bool names_build(std::string_view input) { return input == "program" || input == "kernels"; }

struct Difference {
  std::string name, there, here;
};

std::vector<Difference> differences(const SurveyInputs& here, const SurveyInputs& there) {
  std::vector<Difference> out;
  for (const auto& [name, value] : here) {
    const auto it = there.find(name);
    const std::string other = it == there.end() ? "unknown" : it->second;
    if (other != value) out.push_back({name, other, value});
  }
  return out;
}

/// Refuses rows of other inputs and says which inputs those are.
[[noreturn]] void refuse(const std::vector<Difference>& all, std::size_t n_rows,
                         const std::filesystem::path& path) {
  base::Error error(base::Fault::bad_input, "the folder holds a survey of other inputs");
  error.at("file", path.string()).at("rows", n_rows);
  for (const Difference& d : all) {
    error.at(d.name, fmt::format("{} there, {} here", d.there, d.here));
  }
  throw error.hint("name another folder with -o; --no-resume forgets those rows and begins anew");
}

}  // namespace

SurveyState::SurveyState(std::filesystem::path path, SurveyInputs inputs)
    : path_(std::move(path)), inputs_(std::move(inputs)) {
  try {
    load();
  } catch (const json::exception&) {
    throw damaged(path_, "not the state of a survey");
  }
}

SurveyState SurveyState::anew(std::filesystem::path path, SurveyInputs inputs) {
  SurveyState out;
  out.path_ = std::move(path);
  out.inputs_ = std::move(inputs);
  return out;
}

void SurveyState::clear() {
  importance_hash_.clear();
  original_.reset();
  rows_.clear();
}

void SurveyState::load() {
  if (!std::filesystem::exists(path_)) return;
  const json all = parsed(path_);
  SurveyInputs there;  // version 1 has one hash of all in their place
  if (all.at("version") == kVersion) there = all.at("inputs").get<SurveyInputs>();
  const std::vector<Difference> other = differences(inputs_, there);
  const std::size_t n_rows = all.at("rows").size();
  if (!std::all_of(other.begin(), other.end(), [](const auto& d) { return names_build(d.name); })) {
    refuse(other, n_rows, path_);
  }
  if (!other.empty()) {
    set_aside(n_rows);
    return;
  }
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

/// Rows of another build are not dropped, but measured anew.
void SurveyState::set_aside(std::size_t n_rows) {
  if (n_rows == 0) return;
  std::filesystem::path old = path_;
  old += ".old";
  std::error_code failed;
  std::filesystem::copy_file(path_, old, std::filesystem::copy_options::overwrite_existing, failed);
  if (failed) {
    throw base::Error(base::Fault::io, "cannot keep the rows of another build: " + failed.message())
        .at("file", old.string());
  }
  findings_.push_back({.level = base::Finding::Level::note,
                       .where = path_.string(),
                       .text = fmt::format("{} rows of another build or other kernels are measured "
                                           "anew; they stay in {}",
                                           n_rows, old.string())});
}

void SurveyState::save() const {
  json rows = json::array();
  for (const auto& [name, row] : rows_) rows.push_back(row_json(row));
  json all = {{"version", kVersion},
              {"inputs", inputs_},
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
