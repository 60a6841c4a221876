#include "cook/encode_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/finite.h"
#include "kernels/decode.h"
#include "quant/gain.h"

namespace cook {
namespace {

[[noreturn]] void refuse_value(const Job& job, std::size_t first_row, std::span<const float> x,
                               std::size_t index) {
  throw base::Error(base::Fault::bad_input, fmt::format("the source holds a value that is {}",
                                                        base::not_finite_text(x[index])))
      .at("tensor", job.name)
      .at("row", first_row + index / job.shape.cols())
      .at("column", index % job.shape.cols())
      .hint("the source is damaged or was converted in a type with too small a range");
}

/// Row group by row group, each looked at while it is in the first cache.
void decode(const Job& job, const Unit& unit, const kernels::KernelTable& table, Scratch& scratch) {
  const std::size_t cols = job.shape.cols();
  const quant::Codec& codec = *job.from_codec;
  const std::size_t group_bytes = codec.group_rows * codec.row_bytes(cols);
  const std::size_t group_values = codec.group_rows * cols;
  scratch.rows.resize(unit.count * cols);
  scratch.largest = 0;
  for (std::size_t g = 0; g < unit.count / codec.group_rows; ++g) {
    const std::span<float> rows = std::span(scratch.rows).subspan(g * group_values, group_values);
    kernels::decode_group(table, codec, scratch.source.data() + g * group_bytes, cols, rows.data());
    // What products make of the source is what the new weights must be. Look-ups take the source as
    // it decodes, and encoders divide what products will multiply by.
    quant::apply_product_gain(job.looked_up ? *job.to_codec : codec, rows);
    const float largest = base::largest_magnitude(rows);
    if (!std::isfinite(largest)) {
      refuse_value(job, unit.first + g * codec.group_rows, rows, *base::first_not_finite(rows));
    }
    scratch.largest = std::max(scratch.largest, largest);
  }
}

void encode(const Job& job, const Unit& unit, const RowWeights& weights, quant::Effort effort,
            Scratch& scratch) {
  const std::size_t cols = job.shape.cols();
  const quant::Codec& codec = *job.to_codec;
  const std::size_t row_bytes = codec.row_bytes(cols);
  scratch.encoded.resize(unit.count * row_bytes);
  for (std::size_t done = 0; done < unit.count;) {
    const RowWeights::At at = weights.at(unit.first + done);
    const std::size_t n = std::min(at.n_rows, unit.count - done);
    codec.encode({.x = std::span<const float>(scratch.rows).subspan(done * cols, n * cols),
                  .rows = n,
                  .cols = cols,
                  .importance = at.vector,
                  .effort = effort},
                 std::span(scratch.encoded).subspan(done * row_bytes, n * row_bytes));
    done += n;
  }
}

/// Groups of rows from the plain to the interleaved format or back, bits only. A group need not be
/// as large on both sides: rows of q8_KV begin with a sum that those of q8_KV_r8 lack.
void repack(const Job& job, const Unit& unit, Scratch& scratch) {
  const std::size_t cols = job.shape.cols();
  const quant::Codec &from = *job.from_codec, &to = *job.to_codec;
  const bool weaves = to.plain == &from;
  const quant::Codec& woven = weaves ? to : from;
  const auto move = weaves ? woven.weave : woven.unweave;
  const std::size_t from_bytes = woven.group_rows * from.row_bytes(cols);
  const std::size_t to_bytes = woven.group_rows * to.row_bytes(cols);
  const std::size_t n_groups = unit.count / woven.group_rows;
  scratch.encoded.assign(n_groups * to_bytes, std::byte{0});
  for (std::size_t g = 0; g < n_groups; ++g) {
    move(std::span<const std::byte>(scratch.source).subspan(g * from_bytes, from_bytes), cols,
         std::span(scratch.encoded).subspan(g * to_bytes, to_bytes));
  }
}

/// The first bad block of some whole row groups; `row` is the first of them.
void check(const Job& job, std::size_t row, std::span<const std::byte> bytes,
           const std::string& message, const char* hint) {
  const quant::Codec& codec = *job.to_codec;
  if (codec.check == nullptr) return;
  const std::size_t group_bytes = codec.group_rows * codec.row_bytes(job.shape.cols());
  for (std::size_t at = 0; at < bytes.size(); at += group_bytes, row += codec.group_rows) {
    const auto bad = codec.check(bytes.subspan(at, group_bytes), job.shape.cols());
    if (!bad) continue;
    throw base::Error(base::Fault::bad_input, fmt::format("{}: {}", message, bad->what))
        .at("tensor", job.name)
        .at("row", row)
        .at("block", bad->block)
        .hint(hint);
  }
}

/// Whether next to nothing is left of a row, in the columns that count.
bool is_lost(std::span<const float> x, std::span<const float> y, std::span<const float> v) {
  constexpr double kLost = 0.81;
  double error = 0, energy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double w = v.empty() ? 1.0 : static_cast<double>(v[i]);
    const double off = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    error += w * off * off;
    energy += w * static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return error > kLost * energy;
}

/// Values beyond the largest that a format can hold are cut off; such rows are refused. Sources
/// with such values are so rare that all others are not decoded again.
void check_range(const Job& job, const Unit& unit, const RowWeights& weights,
                 const Scratch& scratch) {
  constexpr float kAllHold = 2000;  // the least of the largest values, that of nvfp4, is 2688
  if (scratch.largest <= kAllHold) return;
  const quant::Codec& codec = *job.to_codec;
  const std::size_t cols = job.shape.cols(), group_bytes = codec.group_rows * codec.row_bytes(cols);
  std::vector<float> back(codec.group_rows * cols);
  for (std::size_t first = 0; first < unit.count; first += codec.group_rows) {
    const std::size_t at = first / codec.group_rows * group_bytes;
    codec.decode(std::span(scratch.encoded).subspan(at, group_bytes), cols, back);
    for (std::size_t r = 0; r < codec.group_rows; ++r) {
      const std::size_t row = unit.first + first + r;
      const auto x = std::span(scratch.rows).subspan((first + r) * cols, cols);
      if (!is_lost(x, std::span(back).subspan(r * cols, cols), weights.at(row).vector)) continue;
      throw base::Error(
          base::Fault::bad_input,
          fmt::format("{} keeps next to nothing of a row with values as large as {:.6g}",
                      codec.name, base::largest_magnitude(x)))
          .at("tensor", job.name)
          .at("row", row)
          .hint("choose another type for this tensor, or look whether the source is damaged");
    }
  }
}

void check_encoded(const Job& job, const Unit& unit, const Scratch& scratch) {
  check(job, unit.first, scratch.encoded,
        fmt::format("encoding as {} gave a bad block", job.to_codec->name),
        "the values are out of the range of this type; choose another one for this tensor");
}

}  // namespace

void check_copied(const Job& job, const Unit& unit, std::span<const std::byte> bytes) {
  const std::size_t row_bytes = job.to_codec->row_bytes(job.shape.cols());
  check(job, unit.first / row_bytes, bytes,
        fmt::format("the source holds a bad block of {}", job.to_codec->name), "");
}

std::span<const std::byte> encode_rows(const TensorSource& source, const Job& job, const Unit& unit,
                                       const RowWeights& weights, const Means& means,
                                       Scratch& scratch) {
  const SourceRange range = source_range(job, unit);
  scratch.source.resize(range.size);
  source.read(job.source, range.offset, scratch.source);
  if (job.action == recipe::Action::repack) {
    repack(job, unit, scratch);
    check_encoded(job, unit, scratch);
    return scratch.encoded;
  }
  decode(job, unit, means.kernels, scratch);
  encode(job, unit, weights, means.effort, scratch);
  check_encoded(job, unit, scratch);
  check_range(job, unit, weights, scratch);
  return scratch.encoded;
}

}  // namespace cook
