#include "base/error.h"

#include <algorithm>

namespace base {

Error::Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {
  rebuild();
}

Error& Error::at(std::string_view key, std::string_view value) & {
  const bool known =
      std::any_of(facts_.begin(), facts_.end(), [&](const auto& f) { return f.first == key; });
  if (!known) facts_.emplace_back(key, value);
  rebuild();
  return *this;
}

Error& Error::hint(std::string_view text) & {
  if (hint_.empty()) hint_ = text;
  rebuild();
  return *this;
}

void Error::rebuild() {
  text_ = message_;
  const char* separator = " (";
  for (const auto& [key, value] : facts_) {
    text_ += separator;
    text_ += key;
    text_ += ": ";
    text_ += value;
    separator = ", ";
  }
  if (!facts_.empty()) text_ += ')';
  if (!hint_.empty()) text_ += "; " + hint_;
}

Finding finding_of(const Error& e, Finding::Level level) {
  Finding out{.level = level, .where = {}, .text = e.message()};
  std::string file;
  for (const auto& [key, value] : e.facts()) {
    if (key == "file") {
      file = value;
    } else if ((key == "tensor" || key == "key") && out.where.empty()) {
      out.where = value;
    } else {
      out.text.append(", ").append(key).append(" ").append(value);
    }
  }
  if (out.where.empty()) out.where = file.empty() ? "model" : file;
  return out;
}

}  // namespace base
