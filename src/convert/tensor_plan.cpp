#include "convert/tensor_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/checked.h"
#include "base/printable.h"
#include "convert/packing.h"
#include "convert/tensor_shape.h"
#include "convert/unknown_architecture.h"
#include "gguf/file.h"

namespace convert {
namespace {

using model::HfChange;
using model::HfTensor;
using model::MlaForm;
using model::Role;

const model::Architecture& architecture_of(const ModelFolder& folder) {
  const model::Architecture* found = nullptr;
  if (folder.has_vision()) found = model::find_architecture_of_type(folder.model_type());
  if (found == nullptr) found = model::find_architecture_of_class(folder.hf_class());
  if (found != nullptr) return *found;
  throw unknown_architecture(folder);
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
  }

  void run() {
    make_tensors();
    for (std::size_t i = 0; i < folder_.tensors().size(); ++i) match(i);
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
          ++n_beyond_;
        } else if (wanted(row)) {
          take(row, *place, index);
        }
      }
      if (known) return;
    }
    if (!is_of_packing(folder_, full)) unknown_.push_back(full);
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
  std::size_t n_beyond_ = 0, n_vision_ = 0;
};

/// The file as it would be, for the architecture's own description of it.
gguf::FileSet as_file(const TensorPlan& plan) {
  std::vector<gguf::TensorInfo> infos;
  for (const OutTensor& t : plan.tensors) {
    infos.push_back({.name = t.name, .codec = t.codec, .shape = t.shape});
  }
  return gguf::FileSet::planned(plan.metadata, std::move(infos));
}

bool is_router(Role role) { return role == Role::ffn_gate_inp || role == Role::ffn_gate_inp_shexp; }

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

}  // namespace

TensorPlan plan_tensors(const ModelFolder& folder, const PlanOptions& options) {
  TensorPlan plan;
  plan.findings = folder.findings();
  plan.architecture = &architecture_of(folder);
  check_quantization(folder.config());
  const model::HuggingFaceForm& form = *plan.architecture->hugging_face;
  plan.metadata.set("general.architecture", std::string(plan.architecture->name));
  model::HfKeys keys(std::string(plan.architecture->name), options.mla, plan.metadata,
                     plan.findings);
  form.metadata(folder.config(), keys);
  Matcher(folder, form, options, plan).run();
  for (OutTensor& t : plan.tensors) {
    if (t.storage != Storage::made) shape_tensor(folder, plan, options.mla, t);
  }
  set_types(plan);
  const gguf::FileSet file = as_file(plan);
  plan.spec = model::describe(file);
  refuse_left_over(folder, plan);
  for (base::Finding& f : model::validate(plan.spec, file)) {
    plan.findings.push_back(std::move(f));
  }
  return plan;
}

}  // namespace convert
