#include "report/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace report {
namespace {

constexpr std::string_view kPage =
#include "report/data/survey.html.embed.inc"
    ;
constexpr std::string_view kChart =
#include "report/data/chart.min.js.inc"
    ;

nlohmann::json to_json(const SurveyRow& row) {
  return {{"type", row.type},
          {"importance", row.with_importance},
          {"bytes", row.file_bytes},
          {"bpw", row.bits_per_weight},
          {"seconds", row.seconds},
          {"ppl", row.perplexity.value},
          {"ppl_error", row.perplexity.error},
          {"kld", row.kld.value},
          {"kld_error", row.kld.error},
          {"kld_99", row.kld_99},
          {"top", row.same_top.value},
          {"top_error", row.same_top.error}};
}

nlohmann::json to_json(const Survey& survey) {
  nlohmann::json rows = nlohmann::json::array();
  for (const SurveyRow& row : survey.rows) rows.push_back(to_json(row));
  return {{"model", survey.model},
          {"summary", survey.model_summary},
          {"text", survey.text},
          {"calibration", survey.calibration},
          {"windows", survey.n_windows},
          {"window", survey.window},
          {"calibration_windows", survey.n_calibration_windows},
          {"bytes", survey.original_bytes},
          {"ppl", survey.original_perplexity.value},
          {"ppl_error", survey.original_perplexity.error},
          {"machine", survey.machine},
          {"command", survey.command},
          {"rows", std::move(rows)}};
}

/// JSON that may stand inside a script element: "</script" and "<!--" cannot occur in it.
std::string script_safe(const std::string& json) {
  std::string out;
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

/// A divergence of a hair below 0 is rounding of the base file: 0, not "-0".
double without_minus(double kld) { return std::max(kld, 0.0); }

void replace(std::string& text, std::string_view mark, std::string_view with) {
  const std::size_t at = text.find(mark);
  if (at != std::string::npos) text.replace(at, mark.size(), with);
}

}  // namespace

std::string survey_table_header(const Survey& survey, bool narrow) {
  if (narrow) {
    return fmt::format(
        "\n{:<9} {:<7} {:>8} {:>7} {:>6} {:>9} {:>9} {:>8} {:>5}\n{:<9} {:<7} {:>8.2f} "
        "{:>7} {:>6} {:>9.4f}\n",
        "type", "matrix", "MB", "bpw", "s", "PPL", "mean KLD", "99% KLD", "top,%", "original", "",
        static_cast<double>(survey.original_bytes) / 1e6, "", "", survey.original_perplexity.value);
  }
  std::string out =
      fmt::format("\n{:<9} {:<7} {:>8} {:>7} {:>6} {:>18} {:>20} {:>9} {:>15}\n", "type", "matrix",
                  "MB", "bpw", "s", "PPL", "mean KLD", "99% KLD", "same top, %");
  out += fmt::format("{:<9} {:<7} {:>8.2f} {:>7} {:>6} {:>9.4f} ± {:<6.4f}\n", "original", "",
                     static_cast<double>(survey.original_bytes) / 1e6, "", "",
                     survey.original_perplexity.value, survey.original_perplexity.error);
  return out;
}

std::string survey_table_line(const SurveyRow& r, bool narrow) {
  if (narrow) {
    return fmt::format(
        "{:<9} {:<7} {:>8.2f} {:>7.3f} {:>6.1f} {:>9.4f} {:>9.6f} {:>8.5f} {:>5.2f}\n", r.type,
        r.with_importance ? "with" : "without", static_cast<double>(r.file_bytes) / 1e6,
        r.bits_per_weight, r.seconds, r.perplexity.value, without_minus(r.kld.value), r.kld_99,
        100 * r.same_top.value);
  }
  return fmt::format(
      "{:<9} {:<7} {:>8.2f} {:>7.3f} {:>6.1f} {:>9.4f} ± {:<6.4f} {:>9.6f} ± {:<8.6f} "
      "{:>9.5f} {:>8.2f} ± {:.2f}\n",
      r.type, r.with_importance ? "with" : "without", static_cast<double>(r.file_bytes) / 1e6,
      r.bits_per_weight, r.seconds, r.perplexity.value, r.perplexity.error,
      without_minus(r.kld.value), r.kld.error, r.kld_99, 100 * r.same_top.value,
      100 * r.same_top.error);
}

std::string survey_page(const Survey& survey) {
  std::string page(kPage);
  replace(page, "/*CHART*/", kChart);
  replace(page, "/*DATA*/", script_safe(to_json(survey).dump()));
  return page;
}

}  // namespace report
