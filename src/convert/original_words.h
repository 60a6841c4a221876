#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "convert/hf_regex.h"

namespace convert {

/// How the original cuts text into words: the pre_tokenizer of tokenizer.json, carried out with its
/// own expressions.
class OriginalWords {
 public:
  /// Throws Fault::unsupported for parts that are not understood, Fault::bad_file for a wrong form.
  explicit OriginalWords(const nlohmann::json& pre_tokenizer);

  /// Words of a text in valid UTF-8, in order, without those that the original drops.
  std::vector<std::string> split(std::string_view text) const;

  /// The expressions of the steps, case-insensitive groups written out; comparable with those of
  /// text::Family.
  const std::vector<std::string>& expressions() const noexcept { return expressions_; }

 private:
  enum class Behaviour : std::uint8_t { isolated, removed, contiguous, with_previous, with_next };
  struct Step {
    HfRegex regex;
    Behaviour behaviour = Behaviour::isolated;
    bool invert = false;
  };
  void add_part(const nlohmann::json& part);
  void add_step(const std::string& pattern, const std::string& behaviour, bool invert);
  static void cut(const Step& step, std::string_view word, std::vector<std::string>& out);

  std::vector<Step> steps_;
  std::vector<std::string> expressions_;
};

}  // namespace convert
