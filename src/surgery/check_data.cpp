// Every byte of tensor data, once, in the order of the files.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "base/printable.h"
#include "cook/readable_file.h"
#include "gguf/rows.h"
#include "gguf/zero_runs.h"
#include "kernels/decode.h"
#include "surgery/check.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

/// One tensor of one file, and where its pieces and matrices stand in the lists of all.
struct Place {
  std::size_t file = 0;
  const gguf::TensorInfo* info = nullptr;
  std::size_t first_piece = 0, n_pieces = 0;
  std::size_t first_matrix = 0;
  std::size_t step = 0;  ///< rows a piece

  std::size_t row_bytes() const noexcept { return info->codec->row_bytes(info->shape.cols()); }
};

struct Piece {
  std::size_t place = 0;
  std::size_t first = 0, rows = 0;
};

struct PieceResult {
  std::vector<gguf::ZeroRuns> zeros;  ///< one for each matrix that the piece touches
  std::uint64_t n_bad = 0;            ///< row groups with a bad block
  std::size_t bad_row = 0;            ///< first row of the first such group
  std::optional<quant::BadBlock> bad;
  std::string unreadable;  ///< what the system says; the rest is empty then
};

struct Scratch {
  std::vector<std::byte> bytes;
  std::vector<float> values;
};

class DataCheck {
 public:
  DataCheck(const std::vector<gguf::File>& files, const model::ModelSpec* spec,
            const kernels::KernelTable& kernels)
      : files_(files), spec_(spec), kernels_(kernels) {
    std::size_t n_matrices = 0;
    for (std::size_t f = 0; f < files.size(); ++f) {
      readable_.emplace_back(files[f].path());
      for (const gguf::TensorInfo& t : files[f].tensors()) {
        add(f, t, n_matrices);
        n_matrices += t.shape.matrices();
        // As pieces tell it: without what a row or a tensor has besides.
        total_ += t.shape.rows() * places_.back().row_bytes();
      }
    }
    has_values_ = std::vector<std::atomic<bool>>(n_matrices);
    beginnings_.resize(n_matrices);
    results_.resize(pieces_.size());
  }

  void run(const runtime::Runtime& runtime) {
    std::vector<Scratch> scratch(runtime.team.size());
    std::mutex lock;
    std::uint64_t done = 0;
    runtime.team.run(pieces_.size(), [&](std::size_t i, std::size_t thread) {
      runtime.stop.check();
      read_ahead(i + 2 * scratch.size());
      look(i, scratch[thread]);
      const std::lock_guard hold(lock);
      const Place& place = places_[pieces_[i].place];
      done += pieces_[i].rows * place.row_bytes();
      runtime.progress.update("check", done, total_, "bytes", place.info->name);
    });
  }

  void tell(FoundList& found) {
    for (const Place& place : places_) {
      tell_unreadable(place, found);
      tell_bad_blocks(place, found);
      tell_zeros(place, found);
      tell_twins(place, found);
    }
  }

 private:
  void add(std::size_t file, const gguf::TensorInfo& t, std::size_t first_matrix) {
    const std::size_t group = t.codec->group_rows;
    const std::size_t group_bytes = group * t.codec->row_bytes(t.shape.cols());
    const std::size_t step = std::max<std::size_t>(1, kPieceBytes / group_bytes) * group;
    Place place{.file = file,
                .info = &t,
                .first_piece = pieces_.size(),
                .first_matrix = first_matrix,
                .step = step};
    for (std::size_t row = 0; row < t.shape.rows(); row += step) {
      pieces_.push_back({places_.size(), row, std::min(step, t.shape.rows() - row)});
    }
    place.n_pieces = pieces_.size() - place.first_piece;
    places_.push_back(place);
  }

  void read_ahead(std::size_t i) const noexcept {
    if (i >= pieces_.size()) return;
    const Place& place = places_[pieces_[i].place];
    if (place.info->flat != nullptr) {
      readable_[place.file].will_need(place.info->offset, place.info->size);
      return;
    }
    readable_[place.file].will_need(offset_of(place, pieces_[i].first),
                                    pieces_[i].rows * place.row_bytes());
  }

  /// Of a tensor without rows its scale, at the end.
  static std::size_t offset_of(const Place& place, std::size_t row) noexcept {
    const gguf::TensorInfo& t = *place.info;
    if (t.flat != nullptr) return t.offset + t.size - t.flat->tail_bytes;
    return place.info->offset + row * place.row_bytes();
  }

  void look(std::size_t i, Scratch& scratch) {
    const Piece& piece = pieces_[i];
    const Place& place = places_[piece.place];
    PieceResult& result = results_[i];
    scratch.bytes.resize(piece.rows * place.row_bytes());
    try {
      read(place, piece.first, scratch.bytes);
    } catch (const base::Error& e) {
      result.unreadable = e.message();
      return;
    }
    // Where the file has no rows, a zero byte is four weights as any other.
    if (place.info->flat == nullptr) find_zeros(place, piece, scratch.bytes, result);
    check_blocks(place, piece, scratch.bytes, result);
    find_values(place, piece, scratch);
    mark_beginnings(place, piece, scratch.bytes);
  }

  void read(const Place& place, std::size_t first, std::span<std::byte> rows) const {
    const cook::ReadableFile& file = readable_[place.file];
    gguf::read_rows(*place.info, first, rows, [&](std::size_t at, std::span<std::byte> out) {
      file.read(place.info->offset + at, out);
    });
  }

  static void find_zeros(const Place& place, const Piece& piece, std::span<const std::byte> bytes,
                         PieceResult& result) {
    const gguf::RowGrid grid(*place.info->codec, place.info->shape, place.info->offset);
    const std::size_t rows = place.info->shape.ne[1];
    const std::size_t end = piece.first + piece.rows;
    for (std::size_t row = piece.first; row < end;) {
      const std::size_t next = std::min(end, (row / rows + 1) * rows);
      result.zeros.emplace_back(
          bytes.subspan((row - piece.first) * place.row_bytes(), (next - row) * place.row_bytes()),
          offset_of(place, row), grid);
      row = next;
    }
  }

  static void check_blocks(const Place& place, const Piece& piece, std::span<const std::byte> bytes,
                           PieceResult& result) {
    const quant::Codec& codec = *place.info->codec;
    if (codec.check == nullptr) return;
    const std::size_t group_bytes = codec.group_rows * place.row_bytes();
    for (std::size_t g = 0; g < piece.rows / codec.group_rows; ++g) {
      const auto bad =
          codec.check(bytes.subspan(g * group_bytes, group_bytes), place.info->shape.cols());
      if (!bad || result.n_bad++ > 0) continue;
      result.bad = bad;
      result.bad_row = piece.first + g * codec.group_rows;
    }
  }

  /// Marks the matrices of the piece that hold anything but zeros: mostly the first row tells.
  void find_values(const Place& place, const Piece& piece, Scratch& scratch) {
    const quant::Codec& codec = *place.info->codec;
    const std::size_t cols = place.info->shape.cols();
    const std::size_t rows = place.info->shape.ne[1];
    const std::size_t end = piece.first + piece.rows;
    scratch.values.resize(codec.group_rows * cols);
    for (std::size_t row = piece.first; row < end;) {
      const std::size_t matrix = row / rows;
      std::atomic<bool>& known = has_values_[place.first_matrix + matrix];
      if (known.load(std::memory_order_relaxed)) {
        row = std::min(end, (matrix + 1) * rows);
        continue;
      }
      kernels::decode_group(kernels_, codec,
                            scratch.bytes.data() + (row - piece.first) * place.row_bytes(), cols,
                            scratch.values.data());
      if (std::any_of(scratch.values.begin(), scratch.values.end(),
                      [](float v) { return v != 0.0F; })) {
        known.store(true, std::memory_order_relaxed);
      }
      row += codec.group_rows;
    }
  }

  bool holds_experts(const Place& place) const {
    const model::TensorRow* row = spec_ == nullptr ? nullptr : spec_->find(place.info->name);
    return row != nullptr && row->axis == model::Axis::expert;
  }

  /// A number of the first rows of every expert that begins in the piece.
  void mark_beginnings(const Place& place, const Piece& piece, std::span<const std::byte> bytes) {
    if (place.info->shape.matrices() == 1 || !holds_experts(place)) return;
    const std::size_t rows = place.info->shape.ne[1];
    const std::size_t size = place.info->codec->group_rows * place.row_bytes();
    const std::size_t end = piece.first + piece.rows;
    for (std::size_t row = (piece.first + rows - 1) / rows * rows; row < end; row += rows) {
      const auto start = bytes.subspan((row - piece.first) * place.row_bytes(), size);
      const std::string_view text(reinterpret_cast<const char*>(start.data()), size);
      beginnings_[place.first_matrix + row / rows] = std::hash<std::string_view>{}(text);
    }
  }

  std::vector<std::byte> matrix(const Place& place, std::size_t number) const {
    const std::size_t rows = place.info->shape.ne[1];
    std::vector<std::byte> out(rows * place.row_bytes());
    read(place, number * rows, out);
    return out;
  }

  /// Experts with the bytes of an earlier one; those that only begin alike are read again.
  void tell_twins(const Place& place, FoundList& found) const {
    const std::size_t n = place.info->shape.matrices();
    if (n == 1 || !holds_experts(place)) return;
    std::map<std::uint64_t, std::vector<std::size_t>> alike;
    for (std::size_t m = 0; m < n; ++m) {
      if (has_values_[place.first_matrix + m]) {
        alike[beginnings_[place.first_matrix + m]].push_back(m);
      }
    }
    std::size_t n_twins = 0, first = n, of = 0;
    for (const auto& [beginning, experts] : alike) {
      if (experts.size() == 1) continue;
      try {
        const std::vector<std::byte> one = matrix(place, experts.front());
        for (std::size_t i = 1; i < experts.size(); ++i) {
          if (matrix(place, experts[i]) != one) continue;
          ++n_twins;
          if (experts[i] >= first) continue;
          first = experts[i];
          of = experts.front();
        }
      } catch (const base::Error& e) {
        if (e.fault() != base::Fault::io) throw;  // unreadable places are told already
      }
    }
    if (n_twins == 0) return;
    std::string text = fmt::format("experts {} and {} have the same bytes", of, first);
    if (n_twins > 1) text += fmt::format(" ({} of {} are copies)", n_twins, n);
    add_found(place, Part::blocks, Level::warning, std::move(text),
              offset_of(place, first * place.info->shape.ne[1]), n_twins, found);
  }

  std::span<const PieceResult> results_of(const Place& place) const {
    return std::span(results_).subspan(place.first_piece, place.n_pieces);
  }

  void add_found(const Place& place, Part part, Level level, std::string text, std::uint64_t offset,
                 std::uint64_t count, FoundList& found) const {
    found.push_back({.part = part,
                     .finding = {level, base::printable(place.info->name), std::move(text)},
                     .file = files_[place.file].path().string(),
                     .offset = offset,
                     .count = count});
  }

  void tell_unreadable(const Place& place, FoundList& found) const {
    std::size_t n = 0, first = 0;
    for (std::size_t i = 0; i < place.n_pieces; ++i) {
      if (!results_[place.first_piece + i].unreadable.empty() && n++ == 0) first = i;
    }
    if (n == 0) return;
    const std::size_t offset = offset_of(place, first * place.step);
    add_found(place, Part::blocks, Level::error,
              fmt::format("{} (byte {} of the file)",
                          results_[place.first_piece + first].unreadable, offset),
              offset, n, found);
  }

  void tell_bad_blocks(const Place& place, FoundList& found) const {
    std::uint64_t n_bad = 0;
    const PieceResult* first = nullptr;
    for (const PieceResult& r : results_of(place)) {
      if (r.bad && first == nullptr) first = &r;
      n_bad += r.n_bad;
    }
    if (first == nullptr) return;
    const std::size_t offset = offset_of(place, first->bad_row) + first->bad->offset;
    std::string text = fmt::format("{} (row {}, block {}, byte {} of the file)", first->bad->what,
                                   first->bad_row, first->bad->block, offset);
    if (n_bad > 1) {
      text += fmt::format("; {} of {} row{}s have bad blocks", n_bad,
                          place.info->shape.rows() / place.info->codec->group_rows,
                          place.info->codec->group_rows == 1 ? "" : " group");
    }
    add_found(place, Part::blocks, Level::error, std::move(text), offset, n_bad, found);
  }

  void tell_zeros(const Place& place, FoundList& found) const {
    const std::span<const PieceResult> results = results_of(place);
    const bool all_read = std::all_of(results.begin(), results.end(),
                                      [](const PieceResult& r) { return r.unreadable.empty(); });
    if (!all_read) return;  // nothing is known about some rows
    const std::uint64_t n = place.info->shape.matrices();
    std::uint64_t n_zero = 0, first = 0;
    for (std::uint64_t m = 0; m < n; ++m) {
      if (!has_values_[place.first_matrix + m] && n_zero++ == 0) first = m;
    }
    if (n_zero == n) {
      add_found(place, Part::zeros, level_of_zero_tensor(place), "all weights are zero",
                place.info->offset, 1, found);
    } else if (n_zero > 0) {
      add_found(place, Part::zeros, Level::warning,
                fmt::format("{} of {} matrices hold only zeros, the first is number {}", n_zero, n,
                            first),
                offset_of(place, first * place.info->shape.ne[1]), n_zero, found);
    }
    const gguf::ZeroVerdict verdict = zeros_among_values(place).verdict();
    if (verdict.kind != gguf::ZeroKind::none) {
      add_found(place, Part::zeros, level_of(verdict.kind, place), verdict.text("file"),
                verdict.stretches.longest_at, verdict.stretches.n, found);
    }
  }

  /// The stretches outside of matrices that are zero throughout: those are told by themselves, and
  /// must not hide a hole elsewhere.
  gguf::ZeroRuns zeros_among_values(const Place& place) const {
    gguf::ZeroRuns all;
    for (std::size_t i = 0; i < place.n_pieces; ++i) {
      std::size_t matrix = pieces_[place.first_piece + i].first / place.info->shape.ne[1];
      for (const gguf::ZeroRuns& part : results_[place.first_piece + i].zeros) {
        all.append(has_values_[place.first_matrix + matrix] ? part : part.without_zeros());
        ++matrix;
      }
    }
    return all;
  }

  /// Vectors that are added may do nothing; what is multiplied may not.
  Level level_of_zero_tensor(const Place& place) const {
    const model::TensorId id = model::identify(spec_, place.info->name);
    const bool added = id.role != model::Role::count && model::role_name(id.role).suffix == ".bias";
    return added || place.info->name.ends_with(".bias") ? Level::note : Level::warning;
  }

  /// Tokens that never occur may have rows of zeros.
  Level level_of(gguf::ZeroKind kind, const Place& place) const {
    if (kind == gguf::ZeroKind::hole) return Level::error;
    if (kind == gguf::ZeroKind::columns) return Level::warning;
    const model::TensorId id = model::identify(spec_, place.info->name);
    const bool by_token = id.is(model::Role::token_embd) || id.is(model::Role::output);
    return by_token ? Level::note : Level::warning;
  }

  const std::vector<gguf::File>& files_;
  const model::ModelSpec* spec_;
  const kernels::KernelTable& kernels_;
  std::vector<cook::ReadableFile> readable_;  // one a file
  std::vector<Place> places_;
  std::vector<Piece> pieces_;
  std::vector<PieceResult> results_;           // one a piece
  std::vector<std::atomic<bool>> has_values_;  // one a matrix
  std::vector<std::uint64_t> beginnings_;      // the same
  std::uint64_t total_ = 0;
};

}  // namespace

void check_data(const std::vector<gguf::File>& files, const model::ModelSpec* spec,
                const runtime::Runtime& runtime, FoundList& found) {
  DataCheck check(files, spec, runtime.kernels);
  check.run(runtime);
  check.tell(found);
}

}  // namespace surgery
