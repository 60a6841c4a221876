#include "text/pretokenize/alphabet.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "text/unicode.h"

namespace text {
namespace {
constexpr char32_t kFirstClassed = 0x80;
constexpr std::size_t kMaxClasses = 128;
constexpr std::uint8_t kWhiteSpace = 0x0B;
}  // namespace

Alphabet::Alphabet(const std::vector<CodePointSet>& sets) {
  std::set<char32_t> starts = {kFirstClassed, kLastCodePoint + 1};
  for (const CodePointSet& set : sets) {
    for (const CodePointSet::Range& r : set.ranges()) {
      if (r.first > kFirstClassed) starts.insert(r.first);
      if (r.last + 1 > kFirstClassed) starts.insert(r.last + 1);
    }
  }
  std::vector<std::uint8_t> flat(kLastCodePoint + 1);
  for (char32_t c = 0; c < kFirstClassed; ++c) flat[c] = static_cast<std::uint8_t>(c);
  std::map<std::vector<bool>, std::uint8_t> classes;  // membership in each set -> byte
  for (auto start = starts.begin(); std::next(start) != starts.end(); ++start) {
    std::vector<bool> member(sets.size());
    for (std::size_t i = 0; i < sets.size(); ++i) member[i] = sets[i].contains(*start);
    const auto [at, is_new] =
        classes.emplace(member, static_cast<std::uint8_t>(kFirstClassed + classes.size()));
    if (is_new) samples_.push_back(*start);
    if (classes.size() > kMaxClasses) {
      throw base::Error(base::Fault::bad_input, "too many character classes in one pre-tokenizer");
    }
    std::fill(flat.begin() + *start, flat.begin() + *std::next(start), at->second);
  }
  for (char32_t c = kFirstClassed; c <= 0x3000; ++c) {
    if (is_white_space(c)) flat[c] = kWhiteSpace;
  }
  std::map<std::string, std::uint16_t> known;
  for (auto page = flat.begin(); page != flat.end(); page += 1 << kPageBits) {
    const std::string bytes(page, page + (1 << kPageBits));
    const auto [at, is_new] = known.emplace(bytes, static_cast<std::uint16_t>(known.size()));
    if (is_new) table_.insert(table_.end(), bytes.begin(), bytes.end());
    pages_.push_back(at->second);
  }
}

std::array<bool, 256> Alphabet::bytes_of(const CodePointSet& set) const noexcept {
  std::array<bool, 256> bytes{};
  for (char32_t c = 0; c < kFirstClassed; ++c) bytes[c] = set.contains(c);
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    bytes[kFirstClassed + i] = set.contains(samples_[i]);
  }
  return bytes;
}

}  // namespace text
