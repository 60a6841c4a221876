// quern info on a model.
#include <fmt/format.h>

#include "base/printable.h"
#include "cli/info.h"
#include "cli/interrupt.h"
#include "cli/model_report.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "recipe/tables.h"
#include "surgery/check.h"

namespace cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxJsonElements = 64;

std::string bpw_text(const TensorGroup& g) { return fmt::format("{:.3f}", g.bpw()); }

std::string layer_text(const model::ModelSpec& spec) {
  std::size_t n_moe = 0;
  for (const model::LayerPlan& l : spec.layers) n_moe += l.moe ? 1 : 0;
  std::string out = fmt::format("{}", spec.n_layer);
  if (n_moe == 0) return out + " dense";
  const auto moe =
      std::find_if(spec.layers.begin(), spec.layers.end(), [](const model::LayerPlan& l) {
        return l.moe.has_value();
      })->moe;
  if (n_moe < spec.layers.size()) out += fmt::format(": {} dense,", spec.layers.size() - n_moe);
  out += fmt::format(" {} with {} experts of width {}, {} used", n_moe, moe->n_expert, moe->width,
                     moe->n_used);
  if (moe->shared_width > 0) out += fmt::format(", shared expert of width {}", moe->shared_width);
  return out;
}

std::string attention_text(const model::LayerPlan& layer) {
  if (layer.mla) {
    const model::MlaPlan& a = *layer.mla;
    return fmt::format(
        "latent (MLA): {} heads, latent {}, query rank {}, head {} + {} rotated, "
        "value {}",
        a.n_head, a.kv_rank, a.q_rank, a.nope_dim, a.rope.n_rot, a.value_dim);
  }
  if (!layer.attention) return "-";
  const model::AttentionPlan& a = *layer.attention;
  return fmt::format("{} heads, {} for keys and values, head {}", a.n_head, a.n_kv_head, a.key_dim);
}

std::string file_type_text(const gguf::Metadata& m) {
  const gguf::Value* v = m.find("general.file_type");
  const std::uint32_t* id = v == nullptr ? nullptr : std::get_if<std::uint32_t>(v);
  return id == nullptr ? "-" : recipe::file_type_text(*id);
}

std::string tokenizer_text(const ModelReport& r) {
  const auto id = [](text::TokenId t, bool stated) {
    if (t < 0) return std::string("none");
    return fmt::format("{}{}", t, stated ? "" : " (not in the file: a default)");
  };
  return fmt::format("{}, {} tokens, BOS {}, EOS {}, {}", base::printable(r.tokenizer->kind, 40),
                     r.tokenizer->n_tokens, id(r.tokenizer->bos, r.tokenizer->states_bos),
                     id(r.tokenizer->eos, r.tokenizer->states_eos),
                     r.has_chat_template ? "with a chat template" : "no chat template");
}

std::string overview(const gguf::FileSet& files, const ModelReport& r) {
  TextTable table("ll");
  const gguf::Metadata& m = files.metadata();
  const auto text = [&m](std::string_view key) {
    const gguf::Value* v = m.find(key);
    return v == nullptr ? std::string("-") : gguf::to_text(*v);
  };
  table.add({"architecture", text("general.architecture")});
  if (m.has("general.name")) table.add({"name", text("general.name")});
  table.add({"size", fmt::format("{} weights in {} tensors, {}, {:.3f} bits per weight",
                                 count_text(r.total.weights), r.total.n_tensors,
                                 bytes_text(r.file_bytes), r.total.bpw())});
  table.add({"made as", file_type_text(m)});
  if (r.spec) {
    table.add({"layers", layer_text(*r.spec)});
    if (!r.spec->layers.empty()) {
      table.add({"attention", attention_text(r.spec->layers.back())});
    }
    table.add({"widths", fmt::format("embedding {}, vocabulary {}, context {}", r.spec->n_embd,
                                     r.spec->n_vocab, r.spec->n_ctx_train)});
  }
  if (r.tokenizer) table.add({"tokenizer", tokenizer_text(r)});
  const gguf::File& first = files.shards().front();
  table.add({"container",
             fmt::format("GGUF {}, alignment {}, {} file{}", first.version(), first.alignment(),
                         files.shards().size(), files.shards().size() == 1 ? "" : "s")});
  return table.text();
}

std::string value_type(const gguf::Value& v) {
  if (const auto* a = std::get_if<gguf::Array>(&v)) {
    return fmt::format("arr[{}]", gguf::type_name(a->type));
  }
  return std::string(gguf::type_name(gguf::type_of(v)));
}

std::string metadata_text(const gguf::Metadata& m) {
  std::size_t key_width = 0;
  for (const auto& [key, value] : m.pairs()) key_width = std::max(key_width, key.size());
  const std::size_t taken = std::min(key_width, std::size_t{50}) + 28;  // margins, type, "... (n)"
  const std::size_t limit = std::max(columns(120), taken + 20) - taken;
  const std::size_t terminal = columns(0);
  const std::size_t before = key_width + 14;  // what stands before a value in the table below
  TextTable table("lll");
  for (const auto& [key, value] : m.pairs()) {
    std::string text = gguf::to_text(value, limit);
    for (std::size_t n = limit; terminal > 0 && before + width_of(text) > terminal && n > 8;) {
      text = gguf::to_text(value, --n);
    }
    table.add({base::printable(key), value_type(value), std::move(text)});
  }
  return fmt::format("\nmetadata ({})\n", m.pairs().size()) + table.text();
}

std::string joined(const std::set<std::string>& names, std::size_t limit) {
  std::string out;
  std::size_t n = 0;
  for (const std::string& name : names) {
    if (n++ == limit) return out + fmt::format(" +{}", names.size() - limit);
    out += (out.empty() ? "" : " ") + name;
  }
  return out;
}

std::string roles_text(const ModelReport& r) {
  TextTable table("lrrrrrll");
  table.may_lack({2, 4});  // bytes and bpw tell the count of weights as well
  table.add({"role", "tensors", "weights", "bytes", "share", "bpw", "shape", "types"});
  for (const TensorGroup& g : r.roles) {
    table.add({base::printable(g.name), std::to_string(g.n_tensors), count_text(g.weights),
               bytes_text(g.bytes), share_text(g.bytes, r.total.bytes), bpw_text(g),
               joined(g.shapes, 1), joined(g.types, 4)});
  }
  return fmt::format("\ntensors by {}\n", r.spec ? "role" : "name") + table.text();
}

std::string types_text(const ModelReport& r) {
  TextTable table("lrrrrr");
  table.add({"type", "tensors", "weights", "bytes", "share", "bpw"});
  const auto add = [&](const TensorGroup& g, const std::string& name) {
    table.add({name, std::to_string(g.n_tensors), count_text(g.weights), bytes_text(g.bytes),
               share_text(g.bytes, r.total.bytes), bpw_text(g)});
  };
  for (const TensorGroup& g : r.types) add(g, g.name);
  add(r.total, "all");
  return "\ntypes\n" + table.text();
}

template <class Visit>
void matching(const gguf::FileSet& files, const InfoOptions& options, Visit visit) {
  for (const gguf::TensorInfo& t : files.tensors()) {
    if (options.tensors && options.tensors->search(t.name)) visit(t);
  }
}

std::string list_text(const gguf::FileSet& files, const InfoOptions& options) {
  TextTable table("lllrrrr");
  table.may_lack({4, 5});  // bits per weight follow from the type
  table.add({"tensor", "shape", "type", "bytes", "bpw", "file", "offset"});
  matching(files, options, [&](const gguf::TensorInfo& t) {
    table.add({base::printable(t.name), t.shape.to_string(), std::string(t.type_name()),
               std::to_string(t.size),
               fmt::format("{:.3f}", 8.0 * static_cast<double>(t.size) /
                                         static_cast<double>(t.shape.elements())),
               std::to_string(t.shard + 1), std::to_string(t.offset)});
  });
  return fmt::format("\n{} of {} tensors\n", table.size() - 1, files.tensors().size()) +
         table.text();
}

json element_json(const gguf::Array& a, std::size_t i) {
  switch (a.type) {
    case gguf::ValueType::str:
      return json_text(a.strings[i]);
    case gguf::ValueType::f32:
    case gguf::ValueType::f64:
      return a.number(i);
    case gguf::ValueType::boolean:
      return a.integer(i) != 0;
    default:
      return a.integer(i);
  }
}

json value_json(const gguf::Value& value) {
  return std::visit(
      [](const auto& x) -> json {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return json_text(x);
        } else if constexpr (std::is_same_v<T, gguf::Array>) {
          json out = json::array();
          for (std::size_t i = 0; i < std::min(x.size(), kMaxJsonElements); ++i) {
            out.push_back(element_json(x, i));
          }
          return out;
        } else {
          return x;
        }
      },
      value);
}

json metadata_json(const gguf::Metadata& m) {
  json out = json::object();
  for (const auto& [key, value] : m.pairs()) {
    json& entry = out[base::printable(key)];
    entry = {{"type", value_type(value)}, {"value", value_json(value)}};
    if (const auto* a = std::get_if<gguf::Array>(&value)) entry["n"] = a->size();
  }
  return out;
}

json group_json(const TensorGroup& g) {
  return {{"name", json_text(g.name)}, {"tensors", g.n_tensors}, {"weights", g.weights},
          {"bytes", g.bytes},          {"bpw", g.bpw()},         {"types", g.types},
          {"shapes", g.shapes},        {"layers", g.layers}};
}

json report_json(const gguf::FileSet& files, const ModelReport& r, const InfoOptions& options) {
  json out = {{"file", json_text(options.path.string())},
              {"kind", "model"},
              {"files", files.shards().size()},
              {"file_bytes", r.file_bytes},
              {"version", files.shards().front().version()},
              {"alignment", files.shards().front().alignment()},
              {"tensors", r.total.n_tensors},
              {"weights", r.total.weights},
              {"bytes", r.total.bytes},
              {"bpw", r.total.bpw()},
              {"metadata", metadata_json(files.metadata())},
              {"roles", json::array()},
              {"types", json::array()},
              {"findings", findings_json(r.findings)}};
  if (r.tokenizer) {
    out["tokenizer"] = {{"kind", json_text(r.tokenizer->kind)},
                        {"tokens", r.tokenizer->n_tokens},
                        {"bos", r.tokenizer->bos},
                        {"eos", r.tokenizer->eos}};
  }
  out["has_chat_template"] = r.has_chat_template;
  for (const TensorGroup& g : r.roles) out["roles"].push_back(group_json(g));
  for (const TensorGroup& g : r.types) out["types"].push_back(group_json(g));
  if (!options.tensors) return out;
  out["list"] = json::array();
  matching(files, options, [&](const gguf::TensorInfo& t) {
    out["list"].push_back({{"name", json_text(t.name)},
                           {"shape", std::vector(t.shape.ne.begin(), t.shape.ne.end())},
                           {"type", t.type_name()},
                           {"bytes", t.size},
                           {"file", t.shard + 1},
                           {"offset", t.offset}});
  });
  return out;
}

}  // namespace

int info_model(const InfoOptions& options) {
  const gguf::FileSet files = gguf::FileSet::open(options.path);
  ModelReport report = report_model(files);
  if (options.check) {
    runtime::Team team(physical_cores());
    TerminalProgress progress;
    surgery::FoundList found;
    const runtime::Runtime runtime{.team = team,
                                   .kernels = kernels::best_table(),
                                   .progress = progress,
                                   .stop = interrupt_flag()};
    surgery::check_data(files.shards(), report.spec ? &*report.spec : nullptr, runtime, found);
    add_findings(found, report.findings);
  }
  if (options.json) {
    fmt::print("{}\n", report_json(files, report, options).dump(2));
    return report.has_errors() ? 1 : 0;
  }
  fmt::print("{}\n{}", base::printable(options.path.string(), 1000), overview(files, report));
  if (options.tensors) {
    fmt::print("{}", list_text(files, options));
  } else {
    fmt::print("{}", metadata_text(files.metadata()));
    if (report.total.n_tensors > 0) fmt::print("{}{}", roles_text(report), types_text(report));
  }
  fmt::print("\n{}", findings_text(report.findings));
  if (report.findings.empty() && !options.check)
    fmt::print("  (`quern check` reads every block)\n");
  return report.has_errors() ? 1 : 0;
}

}  // namespace cli
