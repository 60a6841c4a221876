#include "convert/contradictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/printable.h"
#include "convert/unknown_architecture.h"

namespace convert {
namespace {

constexpr std::string_view kTied = "tie_word_embeddings", kBias = "attention_bias";

std::optional<std::size_t> tensor_of(const ModelFolder& folder, const model::HuggingFaceForm& form,
                                     model::Role role) {
  for (std::size_t i = 0; i < folder.tensors().size(); ++i) {
    const auto name = language_name(folder, folder.tensors()[i].info.name);
    const auto is_it = [&](const model::HfTensor& row) {
      return row.role == role && name && *name == row.name;
    };
    for (const auto& group : form.tensors) {
      if (std::any_of(group.begin(), group.end(), is_it)) return i;
    }
  }
  return std::nullopt;
}

/// The same bytes of the same type; what differs usually does so at once.
bool same_values(const ModelFolder& folder, std::size_t a, std::size_t b) {
  const SafeTensor& first = folder.tensors()[a].info;
  const SafeTensor& second = folder.tensors()[b].info;
  if (first.dtype != second.dtype || first.shape != second.shape) return false;
  constexpr std::size_t kPart = std::size_t{1} << 20;
  std::vector<std::byte> left(std::min<std::size_t>(kPart, first.size)), right(left.size());
  for (std::size_t at = 0; at < first.size; at += kPart) {
    const std::size_t n = std::min<std::size_t>(kPart, first.size - at);
    folder.read(a, at, std::span(left).first(n));
    folder.read(b, at, std::span(right).first(n));
    if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(n), right.begin())) {
      return false;
    }
  }
  return true;
}

void note_output(const ModelFolder& folder, const model::HuggingFaceForm& form,
                 base::Findings& findings) {
  if (!folder.config().flag_or(kTied, form.tied_by_default)) return;
  const auto output = tensor_of(folder, form, model::Role::output);
  const auto embedding = tensor_of(folder, form, model::Role::token_embd);
  if (!output || !embedding || same_values(folder, *output, *embedding)) return;
  findings.push_back(
      {.where = fmt::format("{} {}", (folder.path() / "config.json").string(), kTied),
       .text = fmt::format("is true, but {} is not {}: it is left out; false would take it",
                           base::printable(folder.tensors()[*output].info.name),
                           base::printable(folder.tensors()[*embedding].info.name))});
}

void note_biases(const ModelFolder& folder, base::Findings& findings) {
  if (!folder.config().flag_or(kBias, false)) return;
  const auto is_bias = [](const ModelFolder::Tensor& t) {
    return t.info.name.ends_with(".bias") && t.info.name.find("attn") != std::string::npos;
  };
  if (std::any_of(folder.tensors().begin(), folder.tensors().end(), is_bias)) return;
  findings.push_back(
      {.where = fmt::format("{} {}", (folder.path() / "config.json").string(), kBias),
       .text = "is true, but no file holds a bias of the attention: the model is made without"});
}

}  // namespace

void note_contradictions(const ModelFolder& folder, const model::HuggingFaceForm& form,
                         base::Findings& findings) {
  note_output(folder, form, findings);
  note_biases(folder, findings);
}

}  // namespace convert
