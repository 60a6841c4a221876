#include "text/pretokenize/code_point_set.h"

#include <algorithm>

#include "text/unicode.h"

namespace text {

CodePointSet CodePointSet::of_category(std::uint32_t bits) {
  CodePointSet out;
  const std::span<const CategoryRow> rows = category_rows();
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    if ((rows[i].bits & bits) == 0) continue;
    const Range range{rows[i].first, rows[i + 1].first - 1};
    if (!out.ranges_.empty() && out.ranges_.back().last + 1 == range.first) {
      out.ranges_.back().last = range.last;
    } else {
      out.ranges_.push_back(range);
    }
  }
  return out.intersected(CodePointSet('~', '~').inverted());
}

bool CodePointSet::contains(char32_t code) const noexcept {
  const auto above = std::upper_bound(ranges_.begin(), ranges_.end(), code,
                                      [](char32_t c, const Range& r) { return c < r.first; });
  return above != ranges_.begin() && code <= std::prev(above)->last;
}

CodePointSet CodePointSet::united(const CodePointSet& other) const {
  std::vector<Range> all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  std::sort(all.begin(), all.end(), [](Range a, Range b) { return a.first < b.first; });
  CodePointSet out;
  for (const Range& r : all) {
    if (!out.ranges_.empty() && r.first <= out.ranges_.back().last + 1) {
      out.ranges_.back().last = std::max(out.ranges_.back().last, r.last);
    } else {
      out.ranges_.push_back(r);
    }
  }
  return out;
}

CodePointSet CodePointSet::intersected(const CodePointSet& other) const {
  return inverted().united(other.inverted()).inverted();
}

CodePointSet CodePointSet::inverted() const {
  CodePointSet out;
  char32_t next = 0;
  for (const Range& r : ranges_) {
    if (r.first > next) out.ranges_.push_back({next, r.first - 1});
    next = r.last + 1;
  }
  if (next <= kLastCodePoint) out.ranges_.push_back({next, kLastCodePoint});
  return out;
}

}  // namespace text
