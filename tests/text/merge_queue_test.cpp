// Merges of long texts against their definition: again and again the best pair, leftmost of equal
// ones. docs/spec/tokenizers.md 3 and 4.
#include "text/kinds/merge_queue.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "text/vocabulary.h"

namespace {

using Ids = std::vector<text::TokenId>;

TEST(MergeQueue, LeastRankFirstThenLeftmostWhateverTheOrderOfPushes) {
  for (const std::size_t n_places : {10U, 5000U}) {
    std::mt19937 random(7);
    text::MergeQueue queue(40);
    for (int text = 0; text < 3; ++text) {
      queue.start(n_places);
      std::multiset<std::pair<std::uint32_t, std::uint32_t>> expected;
      const auto push = [&](std::size_t place) {
        const auto rank = static_cast<std::uint32_t>(random() % 40);
        queue.push(rank, static_cast<std::uint32_t>(place));
        expected.emplace(rank, static_cast<std::uint32_t>(place));
      };
      for (std::size_t place = 0; place < n_places; ++place) push(place);
      for (std::size_t more = n_places; !expected.empty();) {
        const auto best = queue.pop();
        ASSERT_TRUE(best);
        ASSERT_EQ(std::pair(best->rank, best->place), *expected.begin());
        expected.erase(expected.begin());
        for (int i = 0; i < 2 && more > 0; ++i, --more) push(random() % n_places);
      }
      EXPECT_FALSE(queue.pop());
    }
  }
}

/// The merge of two neighbours that comes first has the least of these.
constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
using Orders = std::map<std::pair<std::string, std::string>, std::uint32_t>;

std::vector<std::string> merged_plainly(const std::string& text, const Orders& orders) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  const auto order = [&](std::size_t i) {
    if (i + 1 >= parts.size()) return kNever;
    const auto at = orders.find({parts[i], parts[i + 1]});
    return at == orders.end() ? kNever : at->second;
  };
  std::vector<std::uint32_t> waiting;
  for (std::size_t i = 0; i < parts.size(); ++i) waiting.push_back(order(i));
  for (;;) {
    const auto best = std::min_element(waiting.begin(), waiting.end());
    if (best == waiting.end() || *best == kNever) return parts;
    const auto i = best - waiting.begin();
    parts[static_cast<std::size_t>(i)] += parts[static_cast<std::size_t>(i) + 1];
    parts.erase(parts.begin() + i + 1);
    waiting.erase(best + 1);
    for (auto k = std::max<std::ptrdiff_t>(i - 1, 0); k <= i; ++k) {
      waiting[static_cast<std::size_t>(k)] = order(static_cast<std::size_t>(k));
    }
  }
}

std::string random_letters(std::mt19937& random, std::size_t n, unsigned kinds) {
  std::string out;
  while (out.size() < n) out += static_cast<char>('a' + random() % kinds);
  return out;
}

/// Of up to 16 letters, each made of two that are there already.
std::vector<std::string> random_tokens(std::mt19937& random, unsigned kinds, std::size_t n) {
  std::vector<std::string> tokens;
  for (unsigned k = 0; k < kinds; ++k) tokens.emplace_back(1, static_cast<char>('a' + k));
  while (tokens.size() < n) {
    const std::string joined = tokens[random() % tokens.size()] + tokens[random() % tokens.size()];
    const bool known = std::find(tokens.begin(), tokens.end(), joined) != tokens.end();
    if (joined.size() <= 16 && !known) tokens.push_back(joined);
  }
  return tokens;
}

std::vector<std::string> texts_of(const text::Tokenizer& tokenizer, const Ids& ids) {
  std::vector<std::string> out;
  for (const text::TokenId id : ids) out.push_back(tokenizer.piece(id, false));
  return out;
}

/// Short and long texts of 1, 2 or 3 letters.
void expect_merged_by_definition(const gguf::Metadata& vocabulary, const Orders& orders,
                                 std::mt19937& random, unsigned round) {
  const auto tokenizer = text::make_tokenizer(vocabulary);
  for (const std::size_t size : {100U, 3000U}) {
    const std::string text = random_letters(random, size, 1 + round % 3);
    EXPECT_EQ(texts_of(*tokenizer, tokenizer->encode(text, {.add_special = false})),
              merged_plainly(text, orders))
        << "round " << round << ", " << size;
  }
}

TEST(LongTexts, ByteBpeMergesByDefinition) {
  for (unsigned round = 0; round < 6; ++round) {
    std::mt19937 random(round);
    const auto tokens = random_tokens(random, 1 + round % 3, 12);
    std::vector<std::string> merges;
    for (const std::string& token : tokens) {
      for (std::size_t cut = 1; cut < token.size(); ++cut) {
        merges.push_back(token.substr(0, cut) + ' ' + token.substr(cut));
      }
    }
    std::shuffle(merges.begin(), merges.end(), random);  // later ones may come first again
    Orders orders;
    for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
      const std::size_t space = merges[rank].find(' ');
      orders.emplace(std::pair(merges[rank].substr(0, space), merges[rank].substr(space + 1)),
                     rank);
    }
    std::vector<test::Token> list;
    for (const std::string& token : tokens) list.push_back({token});
    gguf::Metadata m = test::vocabulary("gpt2", list);
    m.set("tokenizer.ggml.pre", std::string("gpt-2"));
    m.set("tokenizer.ggml.merges", gguf::Array::of_strings(merges));
    expect_merged_by_definition(m, orders, random, round);
  }
}

TEST(LongTexts, SentencePieceMergesByDefinition) {
  for (unsigned round = 0; round < 6; ++round) {
    std::mt19937 random(round);
    const auto tokens = random_tokens(random, 1 + round % 3, 12);
    std::vector<test::Token> list;
    Orders orders;
    for (const std::string& token : tokens) {
      // Few scores, so that many are equal; a longer token may be better than its parts.
      const auto order = static_cast<std::uint32_t>(random() % 5);
      list.push_back({token, -static_cast<float>(order)});
      for (std::size_t cut = 1; cut < token.size(); ++cut) {
        orders.emplace(std::pair(token.substr(0, cut), token.substr(cut)), order);
      }
    }
    gguf::Metadata m = test::vocabulary("llama", test::spm_tokens(list));
    m.set("tokenizer.ggml.add_space_prefix", false);
    expect_merged_by_definition(m, orders, random, round);
  }
}

}  // namespace
