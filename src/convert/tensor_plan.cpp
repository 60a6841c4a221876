#include "convert/tensor_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/checked.h"
#include "base/printable.h"
#include "convert/contradictions.h"
#include "convert/packing.h"
#include "convert/plan_error.h"
#include "convert/tensor_shape.h"
#include "convert/unknown_architecture.h"
#include "gguf/file.h"

namespace convert {
namespace {

using model::HfChange;
using model::HfTensor;
using model::MlaForm;
using model::Role;

constexpr std::string_view kLayersKey = "num_hidden_layers";
constexpr std::string_view kNextnKey = "num_nextn_predict_layers";

const model::Architecture& architecture_of(const ModelFolder& folder) {
  const model::Architecture* found = nullptr;
  if (folder.has_vision()) found = model::find_architecture_of_type(folder.model_type());
  if (found == nullptr) found = model::find_architecture_of_class(folder.hf_class());
  if (found != nullptr) return *found;
  throw unknown_architecture(folder);
}

/// Another config.json, or one that somebody has cut down.
void require_class(const ModelFolder& folder) {
  if (!folder.hf_class().empty()) return;
  if (folder.has_vision() && model::find_architecture_of_type(folder.model_type()) != nullptr) {
    return;
  }
  throw base::Error(base::Fault::bad_file, "config.json has no 'architectures'")
      .at("file", (folder.path() / "config.json").string())
      .at("key", "architectures")
      .expected(R"(the class of the model, as in ["LlamaForCausalLM"])")
      .hint("is it the model's own config.json? fetch it again");
}

/// Only these packings of the weights are understood.
void check_quantization(const model::HfConfig& config) {
  const model::HfConfig packing = config.object("quantization_config");
  constexpr std::string_view kKnown[] = {"fp8", "mxfp4"};
  const auto method = packing.maybe_string("quant_method");
  if (!method || std::find(std::begin(kKnown), std::end(kKnown), *method) != std::end(kKnown)) {
    return;
  }
  throw base::Error(base::Fault::unsupported, "the weights are packed in a way that is not known")
      .at("key", "quantization_config.quant_method")
      .at("found", base::printable(*method))
      .expected("fp8, mxfp4 or none")
      .hint("convert the model from which this one was made");
}

base::Error no_place(const std::string& tensor, const TensorPlan& plan, std::size_t how_many) {
  return base::Error(base::Fault::unsupported, "a tensor of the folder has no place in the model")
      .at("tensor", base::printable(tensor))
      .at("architecture", plan.architecture->name)
      .at("how many", how_many)
      .hint("the model differs from its kin; its architecture's file must tell what this is");
}

/// Names of a folder matched with the rows of an architecture.
class Matcher {
 public:
  Matcher(const ModelFolder& folder, const model::HuggingFaceForm& form, const PlanOptions& options,
          TensorPlan& plan)
      : folder_(folder), form_(form), options_(options), plan_(plan) {
    n_layer_ = static_cast<int>(
        plan.metadata.integer(std::string(plan.architecture->name) + ".block_count").value_or(0));
    tied_ = folder.config().flag_or("tie_word_embeddings", form.tied_by_default);
    predicts_ = model::hf_predicts_next(form);
    n_main_ = folder.config().count(kLayersKey);
    if (predicts_) n_nextn_ = folder.config().count_or(kNextnKey, 0);
  }

  void run() {
    make_tensors();
    for (std::size_t i = 0; i < folder_.tensors().size(); ++i) match(i);
    check_layers();
    check_output();
    finish_stacks();
    report();
  }

 private:
  void make_tensors() {
    if (form_.made == nullptr) return;
    for (model::HfMadeTensor& made : form_.made(folder_.config())) {
      OutTensor out{.name = model::tensor_name(made.role, -1), .role = made.role};
      out.storage = Storage::made;
      out.codec = quant::find_codec("f32");
      out.shape.ne[0] = made.values.size();
      out.values = std::move(made.values);
      plan_.tensors.push_back(std::move(out));
    }
  }

  bool wanted(const HfTensor& row) const {
    switch (row.change) {
      case HfChange::left_out:
        return false;
      case HfChange::mla_whole:
        return options_.mla != MlaForm::split;
      case HfChange::mla_keys:
      case HfChange::mla_values:
        return options_.mla != MlaForm::kv_b;
      default:
        return row.role != Role::output || !tied_;
    }
  }

  void match(std::size_t index) {
    const std::string& full = folder_.tensors()[index].info.name;
    const std::optional<std::string> name = language_name(folder_, full);
    if (!name) {
      ++n_vision_;
      return;
    }
    for (const auto& group : form_.tensors) {
      bool known = false;
      for (const HfTensor& row : group) {
        const auto place = model::hf_match(row.name, *name);
        if (!place) continue;
        known = true;
        if (place->layer >= n_layer_) {
          note_beyond(full, place->layer);
        } else if (wanted(row)) {
          take(row, *place, index);
        }
      }
      if (known) return;
    }
    if (!is_of_packing(folder_, full)) unknown_.push_back(full);
  }

  void note_beyond(const std::string& name, int layer) {
    ++n_beyond_;
    last_beyond_ = std::max(last_beyond_, layer);
    if (static_cast<std::uint64_t>(layer) >= n_main_ + n_nextn_ && first_beyond_.empty()) {
      first_beyond_ = name;
    }
  }

  /// Only layers for next-token prediction may be left out, as many as config.json tells of.
  void check_layers() const {
    if (first_beyond_.empty()) return;
    const bool silent = predicts_ && !folder_.config().has(kNextnKey);
    const std::string nextn =
        n_nextn_ > 0 ? fmt::format(" and {} for next-token prediction", n_nextn_) : "";
    throw base::Error(base::Fault::bad_file, fmt::format("config.json says {} layers{}, the files "
                                                         "hold {}",
                                                         n_main_, nextn, last_beyond_ + 1))
        .at("file", (folder_.path() / "config.json").string())
        .at("key", silent ? kNextnKey : kLayersKey)
        .at("tensor", base::printable(first_beyond_))
        .hint(silent ? "if the last layers predict further tokens, that key must count them"
                     : "config.json is of another model, or was changed");
  }

  /// Without an output matrix the embedding stands for it, which config.json must not deny.
  void check_output() const {
    constexpr std::string_view kKey = "tie_word_embeddings";
    const auto is_output = [](const auto& t) { return t.role == Role::output; };
    if (tied_ || std::any_of(plan_.tensors.begin(), plan_.tensors.end(), is_output)) return;
    std::string_view name;
    for (const auto& group : form_.tensors) {
      const auto row = std::find_if(group.begin(), group.end(), is_output);
      if (row != group.end()) name = row->name;
    }
    const std::string file = (folder_.path() / "config.json").string();
    if (folder_.config().has(kKey)) {
      throw base::Error(base::Fault::bad_file, "the output matrix is missing")
          .at("tensor", name)
          .at("key", kKey)
          .at("found", "false")
          .at("file", file)
          .hint("is a file of the model missing? true makes the embedding the output matrix, too");
    }
    plan_.findings.push_back({.where = fmt::format("{} {}", file, kKey),
                              .text = fmt::format("is not said and {} is not there: the embedding "
                                                  "is taken as output matrix",
                                                  name)});
  }

  void take(const HfTensor& row, model::HfPlace place, std::size_t index) {
    if (place.expert < 0) {
      add({.name = model::tensor_name(row.role, place.layer),
           .role = row.role,
           .layer = place.layer,
           .change = row.change,
           .pieces = {index}});
      return;
    }
    auto& stack = stacks_[{row.role, place.layer}];
    stack.change = row.change;
    stack.experts[place.expert] = index;
    // The public converter writes a stack where its last piece stands.
    stack.at = plan_.tensors.size();
  }

  void add(OutTensor out) { plan_.tensors.push_back(std::move(out)); }

  struct Stack {
    HfChange change = HfChange::none;
    std::map<int, std::size_t> experts;
    std::size_t at = 0;
  };

  void finish_stacks() {
    const std::string key = std::string(plan_.architecture->name) + ".expert_count";
    const auto n_expert = plan_.metadata.integer(key).value_or(0);
    std::multimap<std::size_t, OutTensor> by_place;
    for (auto& [what, stack] : stacks_) {
      OutTensor out{.name = model::tensor_name(what.first, what.second),
                    .role = what.first,
                    .layer = what.second,
                    .change = stack.change};
      for (const auto& [expert, index] : stack.experts) {
        if (expert != static_cast<int>(out.pieces.size())) break;
        out.pieces.push_back(index);
      }
      if (out.pieces.size() != stack.experts.size() ||
          static_cast<std::int64_t>(out.pieces.size()) != n_expert) {
        throw base::Error(base::Fault::bad_file, "a layer does not have the tensors of all experts")
            .at("tensor", out.name)
            .at("found", fmt::format("{} tensors, expert {} is missing", stack.experts.size(),
                                     out.pieces.size()))
            .at("expected", fmt::format("experts 0 to {}", n_expert - 1));
      }
      by_place.emplace(stack.at, std::move(out));
    }
    std::vector<OutTensor> merged;
    auto next = by_place.begin();
    for (std::size_t i = 0; i <= plan_.tensors.size(); ++i) {
      for (; next != by_place.end() && next->first == i; ++next) {
        merged.push_back(std::move(next->second));
      }
      if (i < plan_.tensors.size()) merged.push_back(std::move(plan_.tensors[i]));
    }
    plan_.tensors = std::move(merged);
  }

  void report() {
    if (!unknown_.empty()) {
      throw no_place(unknown_.front(), plan_, unknown_.size());
    }
    const auto note = [&](std::size_t n, std::string_view text) {
      if (n == 0) return;
      plan_.findings.push_back({.level = base::Finding::Level::note,
                                .where = folder_.path().string(),
                                .text = fmt::format("{} tensors {}", n, text)});
    };
    note(n_beyond_, "of layers for next-token prediction are left out");
    note(n_vision_, "of other than the language part are left out");
  }

  const ModelFolder& folder_;
  const model::HuggingFaceForm& form_;
  const PlanOptions& options_;
  TensorPlan& plan_;
  int n_layer_ = 0;
  bool tied_ = false;
  std::map<std::pair<Role, int>, Stack> stacks_;
  std::vector<std::string> unknown_;
  bool predicts_ = false;  ///< the architecture has layers for next-token prediction
  std::uint64_t n_main_ = 0, n_nextn_ = 0;  ///< layers that config.json tells of
  std::string first_beyond_;                ///< first tensor of a layer that it does not
  int last_beyond_ = -1;
  std::size_t n_beyond_ = 0, n_vision_ = 0;
};

}  // namespace

gguf::FileSet as_file(const TensorPlan& plan) {
  std::vector<gguf::TensorInfo> infos;
  for (const OutTensor& t : plan.tensors) {
    infos.push_back({.name = t.name, .codec = t.codec, .shape = t.shape});
  }
  return gguf::FileSet::planned(plan.metadata, std::move(infos));
}

namespace {

bool is_router(Role role) { return role == Role::ffn_gate_inp || role == Role::ffn_gate_inp_shexp; }

/// The embedding tells how many tokens there are.
void set_vocab_size(const ModelFolder& folder, TensorPlan& plan) {
  const std::string key = fmt::format("{}.vocab_size", plan.architecture->name);
  const auto stated = plan.metadata.integer(key);
  for (const OutTensor& t : plan.tensors) {
    if (t.role != Role::token_embd || !stated) continue;
    const std::uint64_t rows = t.shape.ne[1];
    if (static_cast<std::uint64_t>(*stated) == rows) continue;
    const std::string name = base::printable(folder.tensors()[t.pieces.front()].info.name);
    plan.findings.push_back(
        {.where = fmt::format("{} vocab_size", (folder.path() / "config.json").string()),
         .text = fmt::format("is {}, {} has {} rows: {} is written", *stated, name, rows, rows)});
    plan.metadata.set(key, static_cast<std::uint32_t>(rows));
  }
}

void set_types(TensorPlan& plan) {
  const quant::Codec* f32 = quant::find_codec("f32");
  const model::ModelSpec spec = model::describe(as_file(plan));
  for (OutTensor& t : plan.tensors) {
    const model::TensorRow* row = spec.find(t.role, t.layer);
    if (row != nullptr) t.axis = row->axis;
    const bool vector = t.shape.n_dims() == 1 || (row != nullptr && row->f32_only);
    if ((vector || is_router(t.role)) && t.storage != Storage::mxfp4) t.codec = f32;
  }
}

/// What no row of the description covers would be lost, or make a file that no program runs.
void refuse_left_over(const ModelFolder& folder, const TensorPlan& plan) {
  std::set<std::string_view> known;
  for (const model::TensorRow& row : plan.spec.tensors) known.insert(row.name);
  const OutTensor* first = nullptr;
  std::size_t n = 0;
  for (const OutTensor& t : plan.tensors) {
    if (known.count(t.name) != 0) continue;
    if (first == nullptr) first = &t;
    ++n;
  }
  if (first == nullptr) return;
  const std::string from =
      first->pieces.empty() ? "" : folder.tensors()[first->pieces.front()].info.name;
  throw no_place(from.empty() ? first->name : from, plan, n);
}

void describe_and_check(const ModelFolder& folder, TensorPlan& plan) {
  set_types(plan);
  const gguf::FileSet file = as_file(plan);
  plan.spec = model::describe(file);
  refuse_left_over(folder, plan);
  for (base::Finding& f : model::validate(plan.spec, file)) {
    plan.findings.push_back(std::move(f));
  }
}

}  // namespace

namespace {

TensorPlan make_plan(const ModelFolder& folder, const PlanOptions& options) {
  TensorPlan plan;
  plan.findings = folder.findings();
  require_class(folder);
  plan.architecture = &architecture_of(folder);
  check_quantization(folder.config());
  const model::HuggingFaceForm& form = *plan.architecture->hugging_face;
  plan.metadata.set("general.architecture", std::string(plan.architecture->name));
  model::HfKeys keys(std::string(plan.architecture->name), options.mla, plan.metadata,
                     plan.findings);
  form.metadata(folder.config(), keys);
  Matcher(folder, form, options, plan).run();
  note_contradictions(folder, form, plan.findings);
  for (OutTensor& t : plan.tensors) {
    if (t.storage != Storage::made) shape_tensor(folder, plan, options.mla, t);
  }
  set_vocab_size(folder, plan);
  try {
    describe_and_check(folder, plan);
  } catch (const base::Error& e) {
    throw in_words_of_folder(e, folder, plan);
  }
  return plan;
}

}  // namespace

TensorPlan plan_tensors(const ModelFolder& folder, const PlanOptions& options) {
  try {
    return make_plan(folder, options);
  } catch (base::Error& e) {
    add_place(e, folder);
    throw;
  }
}

}  // namespace convert
