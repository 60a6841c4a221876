#include "text/pretokenize/requirements.h"

#include <algorithm>

namespace text {
namespace {

using Sets = std::optional<CodePointSet>;

std::size_t size_of(const CodePointSet& set) {
  std::size_t n = 0;
  for (const CodePointSet::Range& r : set.ranges()) n += r.last - r.first + 1;
  return n;
}

/// Of two sets of which each match has one character, the one that tells more.
Sets rarer(Sets a, Sets b) {
  if (!a || !b) return a ? std::move(a) : std::move(b);
  // A space is in nearly every fragment.
  if (a->contains(' ') != b->contains(' ')) return a->contains(' ') ? std::move(b) : std::move(a);
  return size_of(*a) <= size_of(*b) ? std::move(a) : std::move(b);
}

class Reader {
 public:
  explicit Reader(const std::vector<DialectItem>& items) : items_(items) {}

  /// Alternatives up to the closing bracket or the end.
  Sets alternatives() {
    Sets all = sequence();
    while (at_ < items_.size() && is("|")) {
      ++at_;
      Sets next = sequence();
      all = all && next ? Sets(all->united(*next)) : std::nullopt;
    }
    return all;
  }

 private:
  bool is(std::string_view operation) const {
    return !items_[at_].is_set && items_[at_].operation == operation;
  }

  Sets sequence() {
    Sets found;
    while (at_ < items_.size() && !is("|") && !is(")")) {
      Sets part = atom();
      if (!may_be_absent()) found = rarer(std::move(found), std::move(part));
    }
    return found;
  }

  /// A set, a group or an operator; a group that only looks requires nothing.
  Sets atom() {
    const DialectItem& item = items_[at_++];
    if (item.is_set) return item.set;
    if (!item.operation.starts_with("(")) return std::nullopt;
    Sets inner = alternatives();
    if (at_ < items_.size()) ++at_;  // ")"
    return item.operation == "(?:" ? std::move(inner) : std::nullopt;
  }

  /// Reads the quantifiers behind an atom.
  bool may_be_absent() {
    bool absent = false;
    while (at_ < items_.size() && !items_[at_].is_set) {
      const std::string& q = items_[at_].operation;
      const bool counted = q.starts_with("{");
      if (q != "?" && q != "*" && q != "+" && !counted) break;
      absent = absent || q == "?" || q == "*" || q.starts_with("{0") || q.starts_with("{,");
      ++at_;
    }
    return absent;
  }

  const std::vector<DialectItem>& items_;
  std::size_t at_ = 0;
};

bool is_operation(const DialectItem& item, std::string_view text) {
  return !item.is_set && item.operation == text;
}

}  // namespace

Requirements requirements_of(const std::vector<DialectItem>& expression) {
  Requirements out;
  out.somewhere = Reader(expression).alternatives();
  const bool one_way =
      std::none_of(expression.begin(), expression.end(),
                   [](const DialectItem& item) { return is_operation(item, "|"); });
  const std::size_t n = expression.size();
  if (n >= 2 && one_way && is_operation(expression[n - 1], "$")) {
    const bool repeated = is_operation(expression[n - 2], "+");
    if (repeated && n >= 3 && expression[n - 3].is_set) out.at_end = expression[n - 3].set;
    if (expression[n - 2].is_set) out.at_end = expression[n - 2].set;
  }
  return out;
}

}  // namespace text
