// quern diff: what two models have in common.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/expression.h"
#include "cli/files.h"
#include "cli/info.h"
#include "cli/model_options.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/value_forms.h"
#include "surgery/compare.h"
#include "surgery/metadata_edit.h"

namespace cli {
namespace {

using nlohmann::json;
using surgery::Comparison;
using surgery::TensorPair;

constexpr std::array<Option, 4> kOwnOptions{{
    {.names = "--values", .help = "read all data and tell the error of every tensor, B against A"},
    {.names = "--tensors",
     .value = "REGEX",
     .help = "of the tensors only those whose name matches",
     .values = kExpression},
    {.names = "--all", .help = "also list tensors that are equal"},
    {.names = "--json", .help = "everything as one JSON object"},
}};
constexpr auto kOptions = join(kOwnOptions, kComputeOptions);

constexpr int kDifferent = 3;

std::string value_text(const gguf::Value& value, std::size_t limit) {
  return fmt::format("{} {}", surgery::type_text(value), gguf::to_text(value, limit));
}

std::string keys_text(const Comparison& c) {
  if (c.keys.empty()) return "";
  TextTable table("lll");
  const std::size_t limit = std::max<std::size_t>(40, columns(120) / 2);
  for (const surgery::KeyDifference& k : c.keys) {
    const std::string key = base::printable(k.key);
    if (k.b == nullptr) {
      table.add({"only A", key, value_text(*k.a, limit)});
    } else if (k.a == nullptr) {
      table.add({"only B", key, value_text(*k.b, limit)});
    } else {
      table.add({"A", key, value_text(*k.a, limit)});
      table.add({"B", "", value_text(*k.b, limit)});
    }
  }
  return "keys\n" + table.text();
}

std::string type_pair(const TensorPair& t) {
  if (t.a == nullptr) return fmt::format("only B {}", t.b->type_name());
  if (t.b == nullptr) return fmt::format("only A {}", t.a->type_name());
  return t.same_type() ? std::string(t.a->type_name())
                       : fmt::format("{} -> {}", t.a->type_name(), t.b->type_name());
}

std::string shape_pair(const TensorPair& t) {
  if (!t.both()) return (t.a != nullptr ? t.a : t.b)->shape.to_string();
  return t.same_shape() ? t.a->shape.to_string()
                        : t.a->shape.to_string() + " -> " + t.b->shape.to_string();
}

std::vector<std::string> error_cells(const surgery::ValueError& e) {
  return {fmt::format("{:.6f}", e.relative_rmse()), fmt::format("{:.3g}", e.max_error()),
          fmt::format("{:.7f}", e.cosine())};
}

/// One line a tensor.
std::string list_text(const Comparison& c, bool all) {
  TextTable table("lllrrr");
  constexpr std::size_t kShape = 2, kMax = 4;
  table.add({"tensor", "type", "shape", "rel. RMSE", "max", "cosine"});
  // A shape that differs is what a reader must see.
  const bool reshaped = std::ranges::any_of(
      c.tensors, [](const TensorPair& t) { return t.both() && !t.same_shape(); });
  table.may_lack(reshaped ? std::vector{kMax} : std::vector{kShape, kMax});
  surgery::ValueError total;
  for (const TensorPair& t : c.tensors) {
    if (t.error) total += *t.error;
    if (!all && !t.differs()) continue;
    std::vector<std::string> row = {base::printable(t.name), type_pair(t), shape_pair(t)};
    if (t.same_bytes) {
      row.insert(row.end(), {"equal", "", ""});
    } else if (t.error) {
      for (std::string& cell : error_cells(*t.error)) row.push_back(std::move(cell));
    } else {
      row.insert(row.end(), {"-", "", ""});
    }
    table.add(std::move(row));
  }
  if (table.size() == 1) return "";
  if (!c.values) return "tensors\n" + table.text();
  std::vector<std::string> row = {"all", "", ""};
  for (std::string& cell : error_cells(total)) row.push_back(std::move(cell));
  table.add(std::move(row));
  return "tensors\n" + table.text();
}

/// Without values: tensors of the same difference in one line.
std::string groups_text(const Comparison& c) {
  std::map<std::string, std::vector<std::string>> groups;
  for (const TensorPair& t : c.tensors) {
    if (!t.differs()) continue;
    const bool reshaped = t.both() && !t.same_shape();
    const std::string shapes = reshaped ? "  " + shape_pair(t) : "";
    groups[type_pair(t) + shapes].push_back(base::printable(t.name));
  }
  if (groups.empty()) return "";
  TextTable table("lrl");
  for (const auto& [what, names] : groups) {
    table.add({what, std::to_string(names.size()),
               names.front() + (names.size() > 1 ? ", ... " + names.back() : "")});
  }
  return "tensors\n" + table.text();
}

struct Counts {
  std::size_t only_a = 0, only_b = 0, types = 0, shapes = 0, values = 0;
};

Counts count(const Comparison& c) {
  Counts n;
  for (const TensorPair& t : c.tensors) {
    n.only_a += t.b == nullptr ? 1 : 0;
    n.only_b += t.a == nullptr ? 1 : 0;
    if (!t.both()) continue;
    n.types += t.same_type() ? 0 : 1;
    n.shapes += t.same_shape() ? 0 : 1;
    n.values += t.error && !t.error->equal() ? 1 : 0;
  }
  return n;
}

std::string summary(const Comparison& c) {
  const Counts n = count(c);
  std::string out = fmt::format(
      "{} of {} keys differ; of {} tensors {} only in A, {} only in B, {} of another type, {} of "
      "another shape",
      c.keys.size(), c.n_keys, c.tensors.size(), n.only_a, n.only_b, n.types, n.shapes);
  out += c.values ? fmt::format(", {} with other values", n.values) : "; values not compared";
  if (!c.same_order) out += "; the order of the tensors differs";
  std::string lines;
  const std::size_t width = columns(0);
  for (const std::string& line : wrapped(out, width == 0 ? SIZE_MAX : width)) lines += line + "\n";
  return lines;
}

json side_json(const gguf::TensorInfo& t) {
  return {{"type", t.type_name()},
          {"shape", std::vector(t.shape.ne.begin(), t.shape.ne.end())},
          {"bytes", t.size}};
}

json tensor_json(const TensorPair& t) {
  json out = {{"name", json_text(t.name)}, {"same", !t.differs()}};
  if (t.a != nullptr) out["a"] = side_json(*t.a);
  if (t.b != nullptr) out["b"] = side_json(*t.b);
  if (!t.error) return out;
  out["same_bytes"] = t.same_bytes;
  out["relative_rmse"] = t.error->relative_rmse();
  out["max_error"] = t.error->max_error();
  out["cosine"] = t.error->cosine();
  out["different_values"] = t.error->n_different();
  return out;
}

json report_json(const Args& args, const Comparison& c, bool all) {
  json out = {{"a", json_text(args.positionals()[0])},
              {"b", json_text(args.positionals()[1])},
              {"same", c.same()},
              {"same_order", c.same_order},
              {"values_compared", c.values},
              {"keys", json::array()},
              {"tensors", json::array()}};
  for (const surgery::KeyDifference& k : c.keys) {
    json entry = {{"key", json_text(k.key)}};
    const auto side = [&](const char* name, const gguf::Value* v) {
      if (v == nullptr) return;
      entry[name] = {{"type", surgery::type_text(*v)},
                     {"value", json_text(gguf::to_text(*v, 400))}};
    };
    side("a", k.a);
    side("b", k.b);
    out["keys"].push_back(std::move(entry));
  }
  for (const TensorPair& t : c.tensors) {
    if (all || t.differs()) out["tensors"].push_back(tensor_json(t));
  }
  return out;
}

int run(const Args& args) {
  for (const std::size_t i : {0U, 1U}) check_model_file(i == 0 ? "A" : "B", args.positionals()[i]);
  std::optional<recipe::Pattern> wanted;
  if (args.given("tensors")) wanted = expression("--tensors", args.str("tensors"));
  const gguf::FileSet a = gguf::FileSet::open(args.positionals()[0]);
  const gguf::FileSet b = gguf::FileSet::open(args.positionals()[1]);
  Comparison c = surgery::compare_models(a, b);
  if (wanted) {
    std::erase_if(c.tensors, [&](const TensorPair& t) { return !wanted->search(t.name); });
    if (c.tensors.empty()) {
      throw base::Error(base::Fault::bad_usage, "no tensor of either model matches")
          .at("option", "--tensors")
          .at("found", base::printable(args.str("tensors")))
          .hint("`quern info --tensors . FILE` lists the names");
    }
  }
  if (args.flag("values")) {
    Session session(args);
    surgery::compare_values(a, b, c, session.runtime());
  }
  const bool all = args.flag("all");
  if (args.flag("json")) {
    fmt::print("{}\n", report_json(args, c, all).dump(2));
  } else {
    fmt::print("{}{}{}", keys_text(c), c.values || all ? list_text(c, all) : groups_text(c),
               summary(c));
  }
  return c.same() ? 0 : kDifferent;
}

}  // namespace

const Command diff_command{
    .name = "diff",
    .summary = "tell how two models differ: keys, types, shapes, values",
    .usage = "[options] A B",
    .details =
        "A and B are models (of split sets the first files). Keys that say how a file is laid out "
        "(split.*, general.alignment, quern.room) are not compared. With --values tensors are "
        "compared as matrix products see them, whatever their types: relative RMSE against A, "
        "largest difference, cosine.\nThe exit code is 0 if nothing differs, 3 if something does, "
        "1 if a file cannot be read.",
    .options = kOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run};

}  // namespace cli
