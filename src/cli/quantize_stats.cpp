// quern quantize-stats: what every format loses on the tensors of a model.
// Source: docs/spec/tools.md 10.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "base/finite.h"
#include "base/output_file.h"
#include "calibrate/importance.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/type_words.h"
#include "eval/format_error.h"
#include "gguf/file.h"
#include "recipe/pattern.h"
#include "report/format_table.h"

namespace cli {
namespace {

using eval::FormatError;
using nlohmann::json;

constexpr Option kOptions[] = {
    {.names = "-m, --model",
     .value = "FILE",
     .help = "model in f32, f16 or bf16",
     .values = kModelFile},
    {.names = "-t, --type",
     .value = "TYPE",
     .help = "only this type",
     .repeats = true,
     .values = kWord},
    {.names = "-l, --include-layer",
     .value = "REGEX",
     .help = "only tensors with such a name",
     .repeats = true,
     .values = kWord},
    {.names = "-L, --exclude-layer",
     .value = "REGEX",
     .help = "no tensors with such a name",
     .repeats = true,
     .values = kWord},
    {.names = "--imatrix",
     .value = "FILE",
     .help = "importance data, used and weighed with",
     .values = kImportanceFile},
    {.names = "--effort",
     .value = "fast|best",
     .default_value = "best",
     .help = "how hard encoders search",
     .values = one_of()},
    {.names = "--pieces",
     .help = "cut tensors into pieces of 16384 weights, each one row, as llama.cpp does"},
    {.names = "-p, --per-tensor", .help = "also a line for every tensor"},
    {.names = "--histogram", .help = "also the distribution of errors"},
    {.names = "--json", .help = "JSON"},
    {.names = "--csv", .help = "CSV"},
    {.names = "--markdown", .help = "a table of the formats themselves with their errors"},
    {.names = "--plot",
     .value = "FILE.svg",
     .help = "also draw bits per weight against weighted error",
     .values = kOutputFile},
    {.names = "--woven", .help = "interleaved formats, too"},
    {.names = "-n, --threads",
     .value = "N",
     .help = "threads; 0 = physical cores",
     .values = integers(0, 4096)},
};

struct Row {
  std::string tensor;  ///< empty: all together
  const quant::Codec* codec;
  FormatError error;
};

struct Request {
  std::vector<const quant::Codec*> codecs;
  std::vector<recipe::Pattern> include, exclude;
  std::optional<calibrate::Importance> importance;
  quant::Effort effort;
  bool pieces, per_tensor;
};

/// Only a copy of the plain format for speed.
bool is_woven(const quant::Codec& codec) { return codec.plain != nullptr; }

std::vector<const quant::Codec*> codecs_of(const Args& args) {
  std::vector<const quant::Codec*> out;
  for (const std::string& name : args.list("type")) {
    const quant::Codec* codec = &encoder_for_option("--type", name);
    if (std::find(out.begin(), out.end(), codec) == out.end()) out.push_back(codec);
  }
  if (!out.empty()) return out;
  for (const quant::Codec* codec : quant::all_codecs()) {
    // An interleaved format loses what its plain format loses.
    const bool left_out = is_woven(*codec) && !args.flag("woven");
    if (codec->encode != nullptr && codec->name != "f32" && !left_out) out.push_back(codec);
  }
  return out;
}

quant::Effort effort_of(const Args& args) {
  const std::string text = args.str("effort");
  if (text == "fast") return quant::Effort::fast;
  if (text == "best") return quant::Effort::best;
  throw base::Error(base::Fault::bad_usage, "bad value for --effort")
      .at("found", text)
      .expected("fast or best");
}

Request request_of(const Args& args) {
  Request r{.codecs = codecs_of(args),
            .include = {},
            .exclude = {},
            .importance = std::nullopt,
            .effort = effort_of(args),
            .pieces = args.flag("pieces"),
            .per_tensor = args.flag("per-tensor")};
  for (const std::string& text : args.list("include-layer")) r.include.emplace_back(text);
  for (const std::string& text : args.list("exclude-layer")) r.exclude.emplace_back(text);
  if (args.given("imatrix")) r.importance = calibrate::load_importance(args.str("imatrix"));
  return r;
}

bool matches(const std::vector<recipe::Pattern>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const recipe::Pattern& p) { return p.search(name); });
}

bool is_float_matrix(const gguf::TensorInfo& t) {
  return t.flat == nullptr && t.codec->is_float() && t.shape.ne[0] != 1 && t.shape.rows() != 1;
}

bool is_wanted(const Request& r, const gguf::TensorInfo& t) {
  if (!is_float_matrix(t)) return false;
  if (!r.include.empty() && !matches(r.include, t.name)) return false;
  return !matches(r.exclude, t.name);
}

/// A tensor as the encoders are to see it.
struct Source {
  std::vector<float> x;
  std::size_t cols = 0, rows = 0, rows_a_matrix = 0;
  std::vector<float> importance;  ///< [matrices, cols], or empty
};

/// [matrices, cols] of a tensor; empty: no data. Throws Fault::bad_input on data of another size.
std::vector<float> importance_of(const Request& r, const std::string& name, std::size_t cols,
                                 std::size_t matrices) {
  const calibrate::Entry* entry = r.importance ? r.importance->find(name) : nullptr;
  if (entry == nullptr) return {};
  const std::size_t values = entry->n_cols * entry->n_vectors;
  std::vector<float> out;
  if (values == cols) {  // of all matrices together
    const std::vector<float> one = calibrate::with_vectors(*entry, 1).means();
    for (std::size_t m = 0; m < matrices; ++m) out.insert(out.end(), one.begin(), one.end());
    return out;
  }
  const bool grows = entry->n_cols == cols && calibrate::can_grow(*entry, matrices);
  if (values != cols * matrices && !grows) {
    throw base::Error(base::Fault::bad_input, "the importance of a tensor has another size")
        .at("tensor", name)
        .at("found", fmt::format("{} values", values))
        .expected(fmt::format("{} ({} columns of {} matrices)", cols * matrices, cols, matrices))
        .hint("it was made with another model");
  }
  return calibrate::with_vectors(*entry, matrices).means();
}

Source load(const Request& r, const gguf::FileSet& files, const gguf::TensorInfo& t) {
  constexpr std::size_t kPiece = 16384;
  Source s{.x = std::vector<float>(t.shape.elements()),
           .cols = t.shape.cols(),
           .rows = t.shape.rows(),
           .rows_a_matrix = t.shape.ne[1],
           .importance = {}};
  tensor::decode_rows(files.view(t), 0, s.rows, s.x);
  if (const auto bad = base::first_not_finite(s.x)) {
    throw base::Error(base::Fault::bad_file, fmt::format("the model holds a weight that is {}",
                                                         base::not_finite_text(s.x[*bad])))
        .at("file", files.shards()[t.shard].path().string())
        .at("tensor", t.name)
        .at("row", *bad / s.cols)
        .at("column", *bad % s.cols)
        .hint("leave the tensor out with --exclude-layer; `quern check` tells what else is wrong");
  }
  if (r.pieces) {
    s.cols = std::min(kPiece, s.x.size());
    s.rows = s.rows_a_matrix = s.x.size() / s.cols;
    return s;
  }
  s.importance = importance_of(r, t.name, s.cols, s.rows / s.rows_a_matrix);
  return s;
}

/// Null if the format cannot hold the tensor.
std::optional<FormatError> measure(const Request& r, const Source& s, const quant::Codec& codec,
                                   runtime::Team& team) {
  if (s.cols % codec.block_elems != 0 || s.rows_a_matrix % codec.group_rows != 0) {
    return std::nullopt;
  }
  const std::size_t wanted = std::max<std::size_t>(1, 16384 / s.cols);
  const std::size_t step = (wanted + codec.group_rows - 1) / codec.group_rows * codec.group_rows;
  std::vector<std::pair<std::size_t, std::size_t>> parts;  // first row, count
  for (std::size_t m = 0; m < s.rows; m += s.rows_a_matrix) {
    for (std::size_t row = 0; row < s.rows_a_matrix; row += step) {
      parts.emplace_back(m + row, std::min(step, s.rows_a_matrix - row));
    }
  }
  std::vector<FormatError> errors(parts.size());
  team.run(parts.size(), [&](std::size_t i, std::size_t) {
    const auto [first, count] = parts[i];
    std::span<const float> v = s.importance;
    if (!v.empty()) v = v.subspan(first / s.rows_a_matrix * s.cols, s.cols);
    errors[i] = eval::format_error(
        codec, {.x = std::span<const float>(s.x).subspan(first * s.cols, count * s.cols),
                .rows = count,
                .cols = s.cols,
                .importance = v,
                .effort = r.effort});
  });
  FormatError total;
  for (const FormatError& e : errors) total += e;
  return total;
}

/// Tells of how many tensors the importance data know. Throws Fault::bad_input if of none.
void check_importance(const Request& r, const std::vector<const gguf::TensorInfo*>& tensors) {
  if (!r.importance) return;
  const auto known = std::count_if(tensors.begin(), tensors.end(), [&](const auto* t) {
    return r.importance->find(t->name) != nullptr;
  });
  if (known == 0) {
    throw base::Error(base::Fault::bad_input, "no entry of the importance file fits a tensor")
        .at("entries", r.importance->entries.size())
        .at("first entry",
            r.importance->entries.empty() ? "none" : r.importance->entries.begin()->first)
        .at("first tensor", tensors.front()->name)
        .hint("it was made with another model");
  }
  fmt::print(stderr, "importance: data for {} of {} tensors\n", known, tensors.size());
}

std::vector<Row> measure_all(const Request& r, const gguf::FileSet& files, std::size_t threads) {
  TerminalProgress progress;
  runtime::Team team(threads);
  std::vector<Row> rows;
  std::map<const quant::Codec*, FormatError> totals;
  std::vector<const gguf::TensorInfo*> tensors;
  for (const gguf::TensorInfo& t : files.tensors()) {
    if (is_wanted(r, t)) tensors.push_back(&t);
  }
  if (tensors.empty()) {
    const auto matrices =
        std::count_if(files.tensors().begin(), files.tensors().end(), is_float_matrix);
    throw base::Error(base::Fault::bad_input, "no tensor to measure")
        .at("file", files.shards().front().path().string())
        .at("found", fmt::format("{} matrices in f32, f16 or bf16{}", matrices,
                                 matrices == 0 ? "" : ", none with a name that is asked for"))
        .hint(matrices == 0 ? "formats are compared on a model that is not quantized yet"
                            : "`quern info --tensors` lists the names");
  }
  check_importance(r, tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Source source = load(r, files, *tensors[i]);
    for (std::size_t c = 0; c < r.codecs.size(); ++c) {
      interrupt_flag().check();
      progress.update("measure", i * r.codecs.size() + c, tensors.size() * r.codecs.size(),
                      "encodings", tensors[i]->name);
      const auto error = measure(r, source, *r.codecs[c], team);
      if (!error) continue;
      totals[r.codecs[c]] += *error;
      if (r.per_tensor) rows.push_back({tensors[i]->name, r.codecs[c], *error});
    }
  }
  progress.clear();
  for (const quant::Codec* codec : r.codecs) {
    if (totals.contains(codec)) rows.push_back({"", codec, totals[codec]});
  }
  return rows;
}

std::string label(const Row& row) {
  return row.tensor.empty() ? std::string(row.codec->name)
                            : fmt::format("{}::{}", row.codec->name, row.tensor);
}

void print_text(const std::vector<Row>& rows, bool weighted, bool histogram) {
  for (const Row& row : rows) {
    const FormatError& e = row.error;
    const double rms = e.rms() > 0 ? e.rms() : 1;
    fmt::print("{:<40}: rmse {:.8f}, {:.6f}  maxerr {:.8f}, {:.6f}  95pct<{:.4f},  median<{:.4f}",
               label(row), e.rmse(), e.relative_rmse(), e.max_error(), e.max_error() / rms,
               e.quantile(0.95), e.quantile(0.5));
    if (weighted) fmt::print("  weighted {:.6f}", e.weighted_rmse());
    fmt::print("\n");
    if (!histogram) continue;
    for (std::size_t i = 0; i < FormatError::kBuckets; ++i) {
      const bool last = i + 1 == FormatError::kBuckets;
      fmt::print(
          "  [{:.4f}, {}): {}\n", static_cast<double>(i) * FormatError::kBucketWidth,
          last ? "inf"
               : fmt::format("{:.4f}", static_cast<double>(i + 1) * FormatError::kBucketWidth),
          e.histogram()[i]);
    }
  }
}

void print_csv(const std::vector<Row>& rows) {
  fmt::print(
      "type,tensor,bpw,weights,rmse,relative_rmse,weighted_rmse,max_error,percentile_95,median\n");
  for (const Row& row : rows) {
    const FormatError& e = row.error;
    fmt::print("{},{},{:.4f},{},{:.9g},{:.7g},{:.7g},{:.9g},{:.4f},{:.4f}\n", row.codec->name,
               row.tensor, row.codec->bpw(), e.n(), e.rmse(), e.relative_rmse(), e.weighted_rmse(),
               e.max_error(), e.quantile(0.95), e.quantile(0.5));
  }
}

void print_json(const std::vector<Row>& rows, bool histogram) {
  json out = json::array();
  for (const Row& row : rows) {
    const FormatError& e = row.error;
    json j{{"type", row.codec->name},
           {"bpw", row.codec->bpw()},
           {"weights", e.n()},
           {"rmse", e.rmse()},
           {"relative_rmse", e.relative_rmse()},
           {"weighted_rmse", e.weighted_rmse()},
           {"max_error", e.max_error()},
           {"percentile_95", e.quantile(0.95)},
           {"median", e.quantile(0.5)}};
    if (!row.tensor.empty()) j["tensor"] = row.tensor;
    if (histogram) {
      j["histogram"] = e.histogram();
      j["histogram_step"] = FormatError::kBucketWidth;
    }
    out.push_back(std::move(j));
  }
  fmt::print("{}\n", out.dump(1));
}

std::vector<report::FormatRow> summary(const std::vector<Row>& rows) {
  std::vector<report::FormatRow> out;
  for (const Row& row : rows) {
    if (!row.tensor.empty()) continue;
    out.push_back({row.codec, row.error.relative_rmse(), row.error.weighted_rmse()});
  }
  return out;
}

void write_plot(const std::string& path, const std::vector<Row>& rows) {
  std::vector<report::FormatRow> shown = summary(rows);
  std::erase_if(shown, [](const report::FormatRow& row) { return is_woven(*row.codec); });
  std::sort(shown.begin(), shown.end(), [](const report::FormatRow& a, const report::FormatRow& b) {
    return std::tuple(a.codec->bpw(), a.weighted_error) <
           std::tuple(b.codec->bpw(), b.weighted_error);
  });
  const std::string svg = report::format_plot(shown);
  base::write_file(path, std::as_bytes(std::span(svg)));
}

/// One form of output, and nothing asked of it that it cannot hold.
void check_form(const Args& args) {
  std::vector<std::string> forms;
  for (const char* form : {"json", "csv", "markdown"}) {
    if (args.flag(form)) forms.push_back(fmt::format("--{}", form));
  }
  if (forms.size() > 1) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} and {} together", forms[0], forms[1]))
        .expected("one form of output");
  }
  if (args.flag("histogram") && (args.flag("csv") || args.flag("markdown"))) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} has no histogram", forms[0]))
        .hint("--histogram goes with --json, or with none of them");
  }
  if (args.flag("pieces") && args.given("imatrix")) {
    throw base::Error(base::Fault::bad_usage, "--pieces and --imatrix together")
        .hint("pieces cross the rows that importance is for");
  }
  if (args.flag("per-tensor") && args.flag("markdown")) {
    throw base::Error(base::Fault::bad_usage, "--markdown has no lines for tensors")
        .hint("--per-tensor goes with --json or --csv, or with none of them");
  }
}

int run(const Args& args) {
  check_form(args);
  const Request request = request_of(args);
  const gguf::FileSet files = gguf::FileSet::open(required(args, "model"));
  if (args.given("plot")) {
    check_output(args.str("plot"), files);
    check_replaceable("--plot", args.str("plot"), Product::plot);
  }
  const std::int64_t asked = args.given("threads") ? args.integer("threads") : 0;
  const std::size_t threads = asked == 0 ? physical_cores() : static_cast<std::size_t>(asked);
  const std::vector<Row> rows = measure_all(request, files, threads);
  if (args.given("plot")) write_plot(args.str("plot"), rows);
  if (args.flag("markdown")) {
    fmt::print("{}", report::format_table(summary(rows)));
  } else if (args.flag("json")) {
    print_json(rows, args.flag("histogram"));
  } else if (args.flag("csv")) {
    print_csv(rows);
  } else {
    print_text(rows, request.importance.has_value(), args.flag("histogram"));
  }
  return 0;
}

}  // namespace

const Command quantize_stats_command{
    .name = "quantize-stats",
    .summary = "tell what every format loses on the tensors of a model",
    .usage = "-m MODEL [options]",
    .details =
        "Encodes and decodes every matrix; relative to its root mean square are the second "
        "numbers (JSON, CSV: relative_rmse, weighted_rmse). Errors are counted in steps of 0.0002; "
        "a "
        "percentile beyond 0.03 is inf (JSON: null). Row by row as quantize does, unless --pieces. "
        "Interleaved formats lose "
        "what their plain formats lose and are left out unless named.",
    .options = kOptions,
    .run = run,
    .alias = "llama-quantize-stats"};
}  // namespace cli
