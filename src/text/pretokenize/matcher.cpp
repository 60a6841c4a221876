#include "text/pretokenize/matcher.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <limits>

#include "base/error.h"

namespace text {
namespace {

// Backtracking state lives on its own stack, grown on demand, so that no text can overflow ours.
constexpr std::size_t kFirstStack = std::size_t{1} << 15;
constexpr std::size_t kMaxStack = std::size_t{1} << 30;
constexpr std::uint32_t kMaxHeapKib = 1U << 20;

struct Free {
  void operator()(pcre2_code* p) const noexcept { pcre2_code_free(p); }
  void operator()(pcre2_match_data* p) const noexcept { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const noexcept { pcre2_match_context_free(p); }
  void operator()(pcre2_jit_stack* p) const noexcept { pcre2_jit_stack_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct Matcher::Code {
  Owned<pcre2_code> code;
  bool jit = false;
  bool has_starts = false;
  std::array<bool, 256> starts{};  // bytes that a match can begin with
};

struct Matcher::Search::State {
  Owned<pcre2_match_data> data;
  Owned<pcre2_match_context> context;
  Owned<pcre2_jit_stack> stack;  // only once the machine stack was too small
};

Matcher::Matcher(const std::string& pattern) : code_(std::make_unique<Code>()) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF, &error, &offset,
                                  nullptr));
  if (!code_->code) {
    throw base::Error(base::Fault::bad_input, "bad regular expression: " + message_of(error))
        .at("expression", pattern)
        .at("offset", offset);
  }
  code_->jit = pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE) == 0;
  const std::uint8_t* bitmap = nullptr;
  pcre2_pattern_info(code_->code.get(), PCRE2_INFO_FIRSTBITMAP, &bitmap);
  if (bitmap == nullptr) return;
  code_->has_starts = true;
  for (unsigned c = 0; c < 256; ++c) code_->starts[c] = (bitmap[c / 8] >> (c % 8) & 1) != 0;
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;

Matcher::Search::Search(const Matcher& matcher)
    : matcher_(matcher), state_(std::make_unique<State>()) {
  state_->data.reset(pcre2_match_data_create(1, nullptr));
  state_->context.reset(pcre2_match_context_create(nullptr));
  if (!state_->data || !state_->context) throw std::bad_alloc();
  pcre2_set_match_limit(state_->context.get(), std::numeric_limits<std::uint32_t>::max());
  pcre2_set_depth_limit(state_->context.get(), std::numeric_limits<std::uint32_t>::max());
  pcre2_set_heap_limit(state_->context.get(), kMaxHeapKib);
}

Matcher::Search::~Search() = default;

std::optional<Matcher::Match> Matcher::Search::next(std::span<const std::uint8_t> subject,
                                                    std::size_t from, bool not_empty_here) {
  const Code& code = *matcher_.code_;
  if (code.has_starts) {
    while (from < subject.size() && !code.starts[subject[from]]) ++from, not_empty_here = false;
    if (from == subject.size()) return std::nullopt;
  }
  const std::uint32_t options = not_empty_here ? PCRE2_NOTEMPTY_ATSTART : 0;
  int n = PCRE2_ERROR_JIT_STACKLIMIT;
  if (code.jit) {
    n = pcre2_jit_match(code.code.get(), subject.data(), subject.size(), from, options,
                        state_->data.get(), state_->context.get());
  }
  if (n == PCRE2_ERROR_JIT_STACKLIMIT) n = slow_match(subject, from, options);
  if (n == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (n < 0) {
    throw base::Error(base::Fault::bad_input, "the pre-tokenizer gave up: " + message_of(n))
        .hint("the text holds an unusually long run of one kind of character");
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(state_->data.get());
  return Match{ends[0], ends[1]};
}

int Matcher::Search::slow_match(std::span<const std::uint8_t> subject, std::size_t from,
                                std::uint32_t options) {
  const pcre2_code* code = matcher_.code_->code.get();
  if (matcher_.code_->jit) {
    if (!state_->stack) {
      state_->stack.reset(pcre2_jit_stack_create(kFirstStack, kMaxStack, nullptr));
      if (state_->stack) {
        pcre2_jit_stack_assign(state_->context.get(), nullptr, state_->stack.get());
      }
    }
    const int n = pcre2_jit_match(code, subject.data(), subject.size(), from, options,
                                  state_->data.get(), state_->context.get());
    if (n != PCRE2_ERROR_JIT_STACKLIMIT) return n;
  }
  return pcre2_match(code, subject.data(), subject.size(), from, options | PCRE2_NO_JIT,
                     state_->data.get(), state_->context.get());
}

}  // namespace text
