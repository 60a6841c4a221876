// quern types: every format, and the recipes of quantize.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "base/thread_time.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/text_table.h"
#include "cli/type_words.h"
#include "kernels/decode.h"
#include "quant/codec.h"
#include "recipe/importance_rules.h"
#include "recipe/table_text.h"

namespace cli {
namespace {

using nlohmann::json;
using recipe::Policy;

constexpr std::size_t kCols = 4096;  ///< of the row whose bytes are told, and of the sample
constexpr std::size_t kRows = 16;

constexpr std::array kOptions{
    Option{.names = "--json", .help = "everything as one JSON object"},
    Option{.names = "--measure",
           .help = "also the error of encoding normal noise, and the speed here on one thread"},
};

std::string_view readers_text(quant::Readers readers) {
  switch (readers) {
    case quant::Readers::both:
      return "both";
    case quant::Readers::ik_only:
      return "ik_llama.cpp";
    case quant::Readers::mainline_only:
      return "llama.cpp";
    case quant::Readers::none:
      return "-";
  }
  return "";
}

std::string_view family_text(quant::Family family) {
  constexpr std::string_view kNames[] = {"plain", "legacy",  "kquant",  "nonlinear",  "codebook",
                                         "iqk",   "trellis", "ternary", "interleave", "activation"};
  return kNames[static_cast<std::size_t>(family)];
}

/// Bits a weight in a row of kCols, with what stands in front of the row.
double row_bpw(const quant::Codec& c) {
  return 8.0 * static_cast<double>(c.row_bytes(kCols)) / static_cast<double>(kCols);
}

struct Measured {
  bool encodes = false;
  double error = 0;                         ///< root mean square, relative to that of the sample
  double encode_rate = 0, decode_rate = 0;  ///< million weights a second
};

/// Calls `work` until it has computed for a tenth of a second; calls a second.
template <class F>
double rate_of(const F& work) {
  work();  // some formats build their tables at the first use
  const double start = base::thread_seconds();
  std::size_t n = 0;
  double seconds = 0;
  do {
    interrupt_flag().check();
    work();
    ++n;
    seconds = base::thread_seconds() - start;
  } while (seconds < 0.1);
  return static_cast<double>(n) / seconds;
}

std::vector<float> noise() {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> out(kRows * kCols);
  for (float& x : out) x = normal(generator);
  return out;
}

Measured measure(const quant::Codec& c, const std::vector<float>& x) {
  Measured out;
  if (c.encode == nullptr) return out;
  out.encodes = true;
  std::vector<std::byte> bytes(kRows * c.row_bytes(kCols));
  std::vector<float> back(x.size());
  const quant::EncodeInput input{.x = x, .rows = kRows, .cols = kCols, .importance = {}};
  const double millions = static_cast<double>(x.size()) / 1e6;
  out.encode_rate = millions * rate_of([&] { c.encode(input, bytes); });
  const std::size_t group_bytes = c.group_rows * c.row_bytes(kCols);
  const auto decode = [&] {
    for (std::size_t g = 0; g < kRows / c.group_rows; ++g) {
      kernels::decode_group(kernels::best_table(), c, bytes.data() + g * group_bytes, kCols,
                            back.data() + g * c.group_rows * kCols);
    }
  };
  out.decode_rate = millions * rate_of(decode);
  double error = 0, power = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    error += std::pow(static_cast<double>(back[i]) - static_cast<double>(x[i]), 2);
    power += std::pow(static_cast<double>(x[i]), 2);
  }
  out.error = std::sqrt(error / power);
  return out;
}

bool needs_importance(Policy policy, const quant::Codec& c) {
  return recipe::type_needs_importance(policy, *recipe::find_type(c.id));
}

double flat_bpw(const quant::FlatFormat& f) {
  return 8.0 * static_cast<double>(f.block_bytes) / static_cast<double>(f.block_elems);
}

/// The column "matrix".
std::string_view matrix_text(const quant::Codec& c) {
  if (needs_importance(Policy::ik, c)) return "needed";
  if (needs_importance(Policy::mainline, c)) return "llama.cpp";
  return c.encode == nullptr ? "read only" : "";
}

/// TYPE words of one policy; `only`: those that the other one does not know.
std::vector<std::string_view> recipe_words(Policy policy, bool only) {
  const Policy other = policy == Policy::ik ? Policy::mainline : Policy::ik;
  std::vector<std::string_view> out;
  for (const recipe::Recipe& r : recipe::all_recipes(policy)) {
    if (quant::find_codec(r.default_type->id) == nullptr) continue;  // can no longer be made
    for (const std::string_view name : r.cli) {
      if (!only || recipe::recipe_for_word(other, name) == nullptr) out.push_back(name);
    }
  }
  return out;
}

json codec_json(const quant::Codec& c) {
  return {{"id", c.id},
          {"name", c.name},
          {"family", family_text(c.family)},
          {"block", c.block_elems},
          {"block_bytes", c.block_bytes},
          {"row_meta_bytes", c.row_meta_bytes},
          {"group_rows", c.group_rows},
          {"row_bytes_4096", c.row_bytes(kCols)},
          {"bpw", row_bpw(c)},
          {"read_by_llama_cpp",
           c.readers == quant::Readers::both || c.readers == quant::Readers::mainline_only},
          {"read_by_ik_llama_cpp",
           c.readers == quant::Readers::both || c.readers == quant::Readers::ik_only},
          {"needs_importance", needs_importance(Policy::ik, c)},
          {"needs_importance_llama_cpp", needs_importance(Policy::mainline, c)},
          {"can_encode", c.encode != nullptr},
          {"spec", c.spec}};
}

/// A format without rows: block and bits without what stands at the end of the tensor.
json flat_json(const quant::FlatFormat& f) {
  return {{"id", f.id},
          {"name", f.name},
          {"family", family_text(f.rows->family)},
          {"block", f.block_elems},
          {"block_bytes", f.block_bytes},
          {"tensor_tail_bytes", f.tail_bytes},
          {"rows_as", f.rows->name},
          {"bpw", flat_bpw(f)},
          {"read_by_llama_cpp", false},
          {"read_by_ik_llama_cpp", f.readers == quant::Readers::ik_only},
          {"needs_importance", false},
          {"can_encode", false},
          {"spec", f.spec}};
}

/// The names of the command line, in any letter case; empty: all formats.
class Wanted {
 public:
  /// Throws Fault::bad_usage on a name of no format.
  explicit Wanted(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const auto* flat = quant::find_flat_format(std::string_view(name));
      names_.push_back(flat != nullptr ? flat->name : codec_for_option("NAME", name).name);
    }
  }
  bool operator()(std::string_view name) const {
    return names_.empty() || std::find(names_.begin(), names_.end(), name) != names_.end();
  }

 private:
  std::vector<std::string_view> names_;
};

int print_json(bool measured, const Wanted& wanted) {
  json types = json::array();
  const std::vector<float> x = measured ? noise() : std::vector<float>{};
  for (const quant::Codec* c : quant::all_codecs()) {
    if (!wanted(c->name)) continue;
    json one = codec_json(*c);
    if (measured) {
      const Measured m = measure(*c, x);
      if (m.encodes) {
        one["error"] = m.error;
        one["encode_mweights_per_s"] = m.encode_rate;
        one["decode_mweights_per_s"] = m.decode_rate;
      }
    }
    types.push_back(std::move(one));
  }
  for (const quant::FlatFormat* f : quant::all_flat_formats()) {
    if (wanted(f->name)) types.push_back(flat_json(*f));
  }
  fmt::print("{}\n", json{{"types", std::move(types)},
                          {"recipes", recipe_words(Policy::ik, false)},
                          {"recipes_llama_cpp", recipe_words(Policy::mainline, false)}}
                         .dump(2));
  return 0;
}

void print_words(const std::vector<std::string_view>& words) {
  const std::size_t width = columns(80) - 1;
  std::string line = " ";
  for (const std::string_view word : words) {
    if (line.size() + 1 + word.size() > width) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += " " + std::string(word);
  }
  fmt::print("{}\n", line);
}

void print_recipes() {
  fmt::print("\nrecipes, the TYPE words of quantize (mixes of these formats):\n");
  print_words(recipe_words(Policy::ik, false));
  fmt::print("with --policy llama.cpp also (and not those that only ik_llama.cpp has):\n");
  print_words(recipe_words(Policy::mainline, true));
}

int run(const Args& args) {
  const bool measured = args.flag("measure");
  const Wanted wanted(args.positionals());
  if (args.flag("json")) return print_json(measured, wanted);
  TextTable table(measured ? "rllrrrllrrr" : "rllrrrll");
  std::vector<std::string> head = {"id",        "name", "family",  "block",
                                   "row bytes", "bpw",  "read by", "matrix"};
  if (measured) head.insert(head.end(), {"error", "enc M/s", "dec M/s"});
  table.add(head);
  const std::vector<float> x = measured ? noise() : std::vector<float>{};
  for (const quant::Codec* c : quant::all_codecs()) {
    if (!wanted(c->name)) continue;
    std::vector<std::string> row = {std::to_string(c->id),
                                    std::string(c->name),
                                    std::string(family_text(c->family)),
                                    c->group_rows == 1
                                        ? std::to_string(c->block_elems)
                                        : fmt::format("{}x{}", c->group_rows, c->block_elems),
                                    std::to_string(c->row_bytes(kCols)),
                                    fmt::format("{:.4f}", row_bpw(*c)),
                                    std::string(readers_text(c->readers)),
                                    std::string(matrix_text(*c))};
    if (measured) {
      const Measured m = measure(*c, x);
      const auto cell = [&](double v, int decimals) {
        return m.encodes ? fmt::format("{:.{}f}", v, decimals) : std::string("-");
      };
      row.insert(row.end(), {cell(m.error, 5), cell(m.encode_rate, 1), cell(m.decode_rate, 0)});
    }
    table.add(std::move(row));
  }
  for (const quant::FlatFormat* f : quant::all_flat_formats()) {
    if (!wanted(f->name)) continue;
    std::vector<std::string> row = {std::to_string(f->id),
                                    std::string(f->name),
                                    std::string(family_text(f->rows->family)),
                                    std::to_string(f->block_elems),
                                    "no rows",
                                    fmt::format("{:.4f}", flat_bpw(*f)),
                                    std::string(readers_text(f->readers)),
                                    "read only"};
    if (measured) row.insert(row.end(), 3, "-");
    table.add(std::move(row));
  }
  fmt::print("{}", table.text(0));
  if (args.positionals().empty()) print_recipes();
  return 0;
}

}  // namespace

const Command types_command{
    .name = "types",
    .summary = "list every tensor format and the recipes of quantize",
    .usage = "[--json] [--measure] [NAME...]",
    .details =
        "Of these formats only, if names are given.\n"
        "block: weights that share a scale, RxN where R rows are woven together; row bytes and "
        "bpw (bits per weight): of a row of 4096 weights, with its metadata (a tensor without rows "
        "has one scale for all); matrix: whether "
        "quantize needs an importance matrix (llama.cpp: with that policy only). --measure: error "
        "of 16 rows of normal noise without "
        "importance, relative to the noise, and millions of weights per second of processor time "
        "on one thread.",
    .options = kOptions,
    .max_positionals = 1000,
    .run = run};
}  // namespace cli
