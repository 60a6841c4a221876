#include "convert/sentencepiece.h"

#include <cmath>

#include "base/bytes.h"

namespace convert {
namespace {

base::Error bad(std::string_view what, std::size_t offset) {
  return base::Error(base::Fault::bad_file, "SentencePiece model: " + std::string(what))
      .at("offset", offset);
}

/// One field of a protobuf message.
struct Field {
  std::uint32_t number = 0;
  unsigned wire = 0;
  std::uint64_t value = 0;                ///< wire types 0, 1, 5
  std::span<const std::byte> bytes = {};  ///< wire type 2
  std::size_t offset = 0;                 ///< of the field in the file
  std::size_t bytes_offset = 0;
};

/// Walks the fields of one message; no recursion.
class Message {
 public:
  Message(std::span<const std::byte> bytes, std::size_t offset) : in_(bytes, offset) {}

  bool next(Field& field) {
    if (in_.left() == 0) return false;
    field = {.offset = in_.position()};
    const std::uint64_t tag = varint();
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.wire = tag & 7U;
    if (tag >> 32 != 0 || field.number == 0) throw bad("a field without number", field.offset);
    switch (field.wire) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = in_.read<std::uint64_t>("a 64-bit field");
        break;
      case 2: {
        const std::uint64_t n = varint();
        field.bytes_offset = in_.position();
        field.bytes = in_.take(n, "a field");
        break;
      }
      case 5:
        field.value = in_.read<std::uint32_t>("a 32-bit field");
        break;
      default:
        throw bad("a field of unknown wire type", field.offset);
    }
    return true;
  }

 private:
  std::uint64_t varint() {
    constexpr unsigned kMaxShift = 63;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift <= kMaxShift; shift += 7) {
      const auto byte = in_.read<std::uint8_t>("a number");
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    throw bad("a number of more than ten bytes", in_.position());
  }

  base::Cursor in_;
};

void want_wire(const Field& field, unsigned wire) {
  if (field.wire == wire) return;
  throw bad("a field of the wrong wire type", field.offset)
      .at("field", field.number)
      .at("found", field.wire)
      .at("expected", wire);
}

std::string text_of(const Field& field) {
  want_wire(field, 2);
  return {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()};
}

SentencePieceModel::Piece read_piece(const Field& message) {
  constexpr std::uint64_t kLastType = 6;
  SentencePieceModel::Piece piece;
  Message fields(message.bytes, message.bytes_offset);
  for (Field f; fields.next(f);) {
    if (f.number == 1) {
      piece.text = text_of(f);
    } else if (f.number == 2) {
      want_wire(f, 5);
      piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(f.value));
      if (!std::isfinite(piece.score)) throw bad("a score that is not finite", f.offset);
    } else if (f.number == 3) {
      want_wire(f, 0);
      if (f.value < 1 || f.value > kLastType) {
        throw bad("a piece of unknown type", f.offset)
            .at("found", f.value)
            .at("expected", "1 to 6");
      }
      piece.type = static_cast<std::int32_t>(f.value);
    }
  }
  return piece;
}

void read_trainer(const Field& message, SentencePieceModel& model) {
  struct IdField {
    std::uint32_t number;
    std::int32_t SentencePieceModel::*id;
  };
  constexpr IdField kIds[] = {{40, &SentencePieceModel::unk_id},
                              {41, &SentencePieceModel::bos_id},
                              {42, &SentencePieceModel::eos_id},
                              {43, &SentencePieceModel::pad_id}};
  constexpr std::uint32_t kKind = 3, kSuffix = 24;
  Message fields(message.bytes, message.bytes_offset);
  for (Field f; fields.next(f);) {
    if (f.number == kKind) {
      want_wire(f, 0);
      if (f.value < 1 || f.value > 4) throw bad("an unknown kind of model", f.offset);
      model.kind = static_cast<SentencePieceModel::Kind>(f.value);
    }
    if (f.number == kSuffix) {
      want_wire(f, 0);
      model.whitespace_as_suffix = f.value != 0;
    }
    for (const IdField& row : kIds) {
      if (f.number != row.number) continue;
      want_wire(f, 0);
      model.*row.id = static_cast<std::int32_t>(f.value);
    }
  }
}

void read_normalizer(const Field& message, SentencePieceModel& model) {
  struct FlagField {
    std::uint32_t number;
    bool SentencePieceModel::*flag;
  };
  constexpr std::uint32_t kCharsmap = 2;
  constexpr FlagField kFlags[] = {{3, &SentencePieceModel::add_dummy_prefix},
                                  {4, &SentencePieceModel::remove_extra_whitespaces},
                                  {5, &SentencePieceModel::escape_whitespaces}};
  Message fields(message.bytes, message.bytes_offset);
  for (Field f; fields.next(f);) {
    if (f.number == kCharsmap) model.charsmap = text_of(f);
    for (const FlagField& row : kFlags) {
      if (f.number != row.number) continue;
      want_wire(f, 0);
      model.*row.flag = f.value != 0;
    }
  }
}

}  // namespace

SentencePieceModel parse_sentencepiece(std::span<const std::byte> bytes) {
  constexpr std::uint32_t kPiece = 1, kTrainer = 2, kNormalizer = 3;
  SentencePieceModel model;
  Message fields(bytes, 0);
  for (Field f; fields.next(f);) {
    if (f.number < kPiece || f.number > kNormalizer) continue;
    want_wire(f, 2);
    if (f.number == kPiece) model.pieces.push_back(read_piece(f));
    if (f.number == kTrainer) read_trainer(f, model);
    if (f.number == kNormalizer) read_normalizer(f, model);
  }
  if (model.pieces.empty()) throw bad("no pieces", bytes.size());
  return model;
}

}  // namespace convert
