#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convert {

/// What tokenizer.model says: a SentencePiece ModelProto, read field by field.
struct SentencePieceModel {
  enum class Kind : std::uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };
  struct Piece {
    std::string text;
    float score = 0;
    std::int32_t type = 1;  ///< 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  };
  std::vector<Piece> pieces;
  Kind kind = Kind::unigram;
  std::int32_t unk_id = 0, bos_id = 1, eos_id = 2, pad_id = -1;  ///< -1: none
  std::string charsmap;  ///< precompiled normalisation; may be empty
  bool add_dummy_prefix = true, remove_extra_whitespaces = true;
  bool escape_whitespaces = true;     ///< a space is written as U+2581
  bool whitespace_as_suffix = false;  ///< it ends words instead of beginning them
};

/// Throws Fault::bad_file with the offset for bytes that are no such message: cut off, wrong wire
/// types, scores that are not finite, piece types out of range, no pieces.
SentencePieceModel parse_sentencepiece(std::span<const std::byte> bytes);

}  // namespace convert
