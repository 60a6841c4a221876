// Any bytes are a SentencePiece model or are refused; scores of an accepted one are finite.
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "convert/sentencepiece.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto model = convert::parse_sentencepiece(std::as_bytes(std::span(data, size)));
    if (model.pieces.empty()) std::abort();
    for (const auto& piece : model.pieces) {
      if (!std::isfinite(piece.score) || piece.type < 1 || piece.type > 6) std::abort();
    }
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file) std::abort();
  }
  return 0;
}
