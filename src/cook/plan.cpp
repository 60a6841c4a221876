#include "cook/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "gguf/split.h"
#include "gguf/writer.h"
#include "recipe/importance_rules.h"
#include "recipe/shape_fit.h"

namespace cook {
namespace {

constexpr std::size_t kAlignment = 32;

bool can_weave(const quant::Codec* woven, const quant::Codec* plain, bool back) {
  if (woven == nullptr || plain == nullptr || woven->plain != plain) return false;
  return (back ? woven->unweave : woven->weave) != nullptr;
}

void check_repack(const Job& job) {
  if (can_weave(job.to_codec, job.from_codec, false)) return;
  if (can_weave(job.from_codec, job.to_codec, true)) return;
  throw base::Error(base::Fault::unsupported,
                    fmt::format("this build cannot repack {} to {}", job.from->name, job.to->name))
      .at("tensor", job.name)
      .hint("leave such tensors out with --repack-pattern");
}

void check_codecs(const Job& job) {
  if (job.action == recipe::Action::copy) return;
  if (job.action == recipe::Action::repack) return check_repack(job);
  const bool decodes = job.from_codec != nullptr && job.from_codec->decode != nullptr;
  const bool encodes = job.to_codec != nullptr && job.to_codec->encode != nullptr;
  if (decodes && encodes) return;
  throw base::Error(base::Fault::unsupported,
                    decodes ? fmt::format("this build cannot encode {}", job.to->name)
                            : fmt::format("this build cannot decode {}", job.from->name))
      .at("tensor", job.name)
      .hint("`quern types` lists the formats that are built in");
}

void check_requantizing(const Request& request, const Job& job, Plan& plan) {
  const std::string text = fmt::format("requantizing from type {} is disabled", job.from->name);
  if (!request.dry_run) {
    throw base::Error(base::Fault::bad_input, text)
        .at("tensor", job.name)
        .hint("--allow-requantize does it nevertheless; quality is better from the original");
  }
  plan.findings.push_back({.where = job.name, .text = text + "; a real run would stop here"});
}

/// Importance of one tensor. True if it must not go without, but has none.
bool attach_importance(const Request& request, const recipe::InputTensor& tensor,
                       const recipe::Choice& choice, Job& job, Plan& plan) {
  if (job.action != recipe::Action::encode) return false;
  const quant::Codec& symmetric = quant::symmetric_q4_0();
  if (request.symmetric_q4_0 && job.to_codec != nullptr && job.to_codec->id == symmetric.id) {
    job.to_codec = &symmetric;
    return false;
  }
  if (request.importance != nullptr) {
    try {
      job.importance = choose_importance(*request.importance, tensor, job.to->group_rows);
    } catch (base::Error& e) {
      if (request.importance_keys) e.at("imatrix", request.importance_keys->file);
      throw;
    }
    for (const base::Finding& f : job.importance.findings) plan.findings.push_back(f);
  }
  const bool has = job.importance.kind != ImportanceChoice::Kind::none;
  job.wants_importance = request.recipe.have_importance && !has;
  const recipe::Policy policy = request.recipe.policy;
  const bool needs =
      recipe::tensor_needs_importance(policy, *request.recipe.recipe, *choice.wanted, tensor) ||
      (recipe::type_needs_importance(policy, *job.to) &&
       !recipe::may_lack_importance(policy, tensor));
  return needs && !has && !request.ignore_importance_rules;
}

constexpr std::string_view kLossHint =
    "collect it with `quern imatrix`, choose another type for this tensor, or accept the loss with "
    "--ignore-imatrix-rules";

base::Error lacks_importance(const Request& request, const Job& job) {
  return base::Error(base::Fault::bad_input,
                     fmt::format("{} needs importance data for this tensor", job.to->name))
      .at("tensor", job.name)
      .at("found", request.importance == nullptr ? "no importance file" : "no entry for it")
      .hint(kLossHint);
}

/// The recipe is refused without any importance data. A dry run tells it and goes on.
bool recipe_lacks_importance(const Request& request, base::Findings& findings) {
  const recipe::Options& options = request.recipe;
  if (options.run != recipe::Run::quantize || options.have_importance ||
      request.ignore_importance_rules ||
      !recipe::recipe_needs_importance(options.policy, *options.recipe)) {
    return false;
  }
  const std::string text =
      fmt::format("the recipe {} needs importance data", options.recipe->symbol);
  if (!request.dry_run) {
    throw base::Error(base::Fault::bad_input, text)
        .hint(
            "collect it with `quern imatrix` and give it with --imatrix, or accept the loss with "
            "--ignore-imatrix-rules");
  }
  findings.push_back({.where = "--imatrix", .text = text + ": a real run would stop without it"});
  return true;
}

/// In a dry run: tensors that a real run would stop at.
void tell_lacking(const Request& request, Plan& plan, const std::vector<std::size_t>& lacking) {
  if (lacking.empty()) return;
  const Job& first = plan.jobs[lacking.front()];
  std::string text = fmt::format("{} needs importance data for this tensor", first.to->name);
  if (lacking.size() > 1) text += fmt::format(" ({} tensors lack it)", lacking.size());
  text += request.importance == nullptr ? ": a real run would stop here without --imatrix"
                                        : ": a real run would stop here";
  plan.findings.push_back({.where = first.name, .text = std::move(text)});
}

/// Products multiply some formats by a gain, look-ups of rows do not (docs/spec/types/iqk.md).
bool has_gain(const quant::Codec* codec) noexcept {
  return codec != nullptr && codec->product_gain != 1.0F;
}

/// A table that is looked up and is the output matrix as well can be right for one of them only.
void note_tied_gain(const Job& job, base::Findings& findings) {
  if (job.action != recipe::Action::encode || !has_gain(job.to_codec)) return;
  findings.push_back(
      {.where = job.name,
       .text = fmt::format("is the output matrix as well: {} is scaled for that, and looked up "
                           "embeddings come out {:.0f} % too small; choose another type for it",
                           job.to->name, 100 * (1 - 1 / job.to_codec->product_gain))});
}

bool has_output(const TensorSource& source) {
  return std::any_of(source.tensors().begin(), source.tensors().end(),
                     [](const auto& t) { return t.id.is(model::Role::output); });
}

Job make_job(const TensorSource& source, const recipe::Choice& choice) {
  const recipe::InputTensor& input = source.tensors()[choice.input];
  Job job;
  job.source = choice.input;
  job.name = input.name;
  job.id = input.id;
  job.shape = input.shape;
  job.action = choice.action;
  job.from = input.type;
  job.to = choice.type;
  job.from_codec = quant::find_codec(input.type->id);
  job.to_codec = quant::find_codec(choice.type->id);
  job.source_bytes = input.type->bytes(input.shape);
  job.bytes = choice.type->bytes(input.shape);
  job.reason = choice.reason;
  job.custom_rule = choice.custom_rule;
  return job;
}

/// Exact size, also with types that have no codec here: the header does not depend on types.
std::size_t exact_file_bytes(const OutputPlan& output, const std::vector<Job>& jobs) {
  const quant::Codec* f32 = quant::find_codec(std::uint32_t{0});
  std::vector<gguf::TensorPlan> stand_ins;
  std::size_t stand_in_bytes = 0, bytes = 0;
  for (const std::size_t index : output.jobs) {
    const Job& job = jobs[index];
    stand_ins.push_back({.name = job.name, .codec = f32, .shape = job.shape});
    stand_in_bytes = base::checked_add(
        stand_in_bytes, base::round_up(tensor::tensor_bytes(*f32, job.shape), kAlignment));
    bytes = base::checked_add(bytes, base::round_up(job.bytes, kAlignment));
  }
  return gguf::file_size(output.metadata, stand_ins) - stand_in_bytes + bytes;
}

/// Jobs of every output file.
std::vector<std::vector<std::size_t>> shard_jobs(const TensorSource& source, const Request& request,
                                                 const Plan& plan) {
  if (request.split && !plan.jobs.empty()) {
    std::vector<std::size_t> sizes;
    for (const Job& job : plan.jobs) sizes.push_back(job.bytes);
    return gguf::cut_into_shards(sizes, *request.split);
  }
  std::vector<std::vector<std::size_t>> shards(request.keep_split ? source.n_shards() : 1);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    shards[shards.size() == 1 ? 0 : source.tensors()[plan.jobs[i].source].shard].push_back(i);
  }
  return shards;
}

void plan_outputs(const TensorSource& source, const Request& request,
                  const gguf::Metadata& metadata, Plan& plan) {
  std::vector<std::vector<std::size_t>> shards = shard_jobs(source, request, plan);
  const auto count = static_cast<std::uint32_t>(shards.size());
  const std::filesystem::path prefix = split_prefix(request.output);
  for (std::uint32_t no = 0; no < count; ++no) {
    OutputPlan output{.path = request.output,
                      .metadata = no == 0 ? metadata : gguf::Metadata(),
                      .jobs = std::move(shards[no])};
    if (count > 1) {
      gguf::set_split_keys(output.metadata,
                           {.no = no, .count = count, .n_tensors = plan.jobs.size()});
      output.path = prefix.parent_path() / gguf::shard_name(prefix.filename().string(), no, count);
    }
    plan.outputs.push_back(std::move(output));
  }
}

void check_output_paths(const TensorSource& source, const Plan& plan) {
  for (const OutputPlan& output : plan.outputs) {
    for (const std::filesystem::path& input : source.paths()) {
      std::error_code ignored;
      if (!std::filesystem::equivalent(output.path, input, ignored)) continue;
      throw base::Error(base::Fault::bad_usage, "the output would overwrite the input")
          .at("file", output.path.string());
    }
  }
}

}  // namespace

std::filesystem::path split_prefix(const std::filesystem::path& output) {
  // The name of one file of a set stands for the set.
  const std::string name = output.string();
  if (const auto number = gguf::shard_number(name)) {
    return *gguf::shard_prefix(name, number->no, number->count);
  }
  return output.extension() == ".gguf" ? std::filesystem::path(output).replace_extension() : output;
}

Plan make_plan(const TensorSource& source, const Request& request) {
  base::Findings doubts;
  const bool recipe_told = recipe_lacks_importance(request, doubts);
  recipe::Options options = request.recipe;
  gguf::Metadata input =
      options.policy == recipe::Policy::mainline ? source.whole_metadata() : source.metadata();
  for (const Override& o : request.overrides) apply_override(input, o);
  options.keep_split = request.keep_split && source.n_shards() > 1;
  const recipe::TypePlan types = recipe::plan_types(options, input, source.tensors());

  Plan plan;
  const bool tied = !has_output(source);
  plan.effort = request.effort;
  plan.check_copies = request.check_copies;
  plan.partial = request.partial;
  plan.n_encoded = types.n_encoded;
  plan.n_fallbacks = types.n_fallbacks;
  plan.findings = types.findings;
  plan.findings.insert(plan.findings.end(), doubts.begin(), doubts.end());
  std::vector<std::size_t> lacking;
  for (const recipe::Choice& choice : types.choices) {
    Job job = make_job(source, choice);
    job.looked_up = recipe::is_row_lookup(source.tensors()[choice.input]) &&
                    (!tied || !job.id.is(model::Role::token_embd));
    if (tied && job.id.is(model::Role::token_embd)) note_tied_gain(job, plan.findings);
    if (choice.requantize && !options.allow_requantize) check_requantizing(request, job, plan);
    if (attach_importance(request, source.origin(choice.input), choice, job, plan)) {
      if (!request.dry_run) throw lacks_importance(request, job);
      lacking.push_back(plan.jobs.size());
    }
    if (!request.dry_run) check_codecs(job);
    plan.source_bytes = base::checked_add(plan.source_bytes, job.source_bytes);
    plan.bytes = base::checked_add(plan.bytes, job.bytes);
    plan.jobs.push_back(std::move(job));
  }
  if (!recipe_told) tell_lacking(request, plan, lacking);
  const gguf::Metadata metadata =
      output_metadata(options.policy, source.metadata(), request.overrides, request.importance_keys,
                      types.file_type);
  plan_outputs(source, request, metadata, plan);
  check_output_paths(source, plan);
  for (OutputPlan& output : plan.outputs) {
    output.skipped = request.partial && std::filesystem::exists(output.path);
    output.file_bytes = exact_file_bytes(output, plan.jobs);
    if (!output.skipped) plan.file_bytes = base::checked_add(plan.file_bytes, output.file_bytes);
  }
  return plan;
}

}  // namespace cook
