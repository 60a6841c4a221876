// eval/: measures over fixed texts: perplexity, KL divergence, with error bars. Source:
// docs/spec/tools.md sections 1 and 4. It must not know commands or print.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/evaluate.h"
#include "text/tokenizer.h"

namespace eval {

/// Replaces \n \r \t \' \" \\ and \xHH; any other \c stays. `replaced` counts what was changed.
std::string process_escapes(std::string_view text, std::size_t* replaced = nullptr);

/// A text file as the corpus tools read it: whole, one trailing line feed removed, escapes
/// processed unless switched off. Replaced escapes and bytes that are not UTF-8 are reported as
/// findings. Throws Fault::io, and Fault::bad_input for what is no text: a GGUF file, UTF-16, NUL
/// bytes, more than a tenth of the bytes not UTF-8.
std::string load_corpus(const std::filesystem::path& path, bool escapes, base::Findings* findings);

/// The text as consecutive windows of `window` tokens; an incomplete last one is dropped.
struct Windows {
  std::vector<std::int32_t> tokens;  ///< [n_windows * window] as tokenized
  std::size_t window = 0;
  std::size_t n_windows = 0;

  std::span<const std::int32_t> of(std::size_t c) const noexcept {
    return std::span(tokens).subspan(c * window, window);
  }
};

/// Tokenizes with special tokens at the start as the vocabulary prescribes and cuts. At most
/// `max_windows` (0 = all) after skipping `skip`. Throws Fault::bad_input when fewer than two
/// windows of tokens exist, or when the vocabulary appends EOS.
Windows cut_windows(const text::Tokenizer& tokenizer, std::string_view text, std::size_t window,
                    std::size_t skip, std::size_t max_windows, bool parse_special = false);

/// The windows as chunks to evaluate: first token replaced by BOS if the vocabulary adds it, logits
/// wanted from `first_output` on (window for none).
std::vector<runtime::Chunk> to_chunks(const Windows& windows, const text::Tokenizer& tokenizer,
                                      std::size_t first_output);

}  // namespace eval
