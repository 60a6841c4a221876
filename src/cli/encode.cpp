// quern encode and quern decode: raw matrices of floats to bytes of a format and back, for scripts.
#include <fmt/format.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/raw_matrix.h"
#include "cli/session.h"
#include "cli/type_words.h"
#include "eval/format_error.h"
#include "quant/flat.h"
#include "quant/gain.h"
#include "tensor/tensor.h"

namespace cli {
namespace {

constexpr Option kType{
    .names = "--type", .value = "TYPE", .help = "format, see `quern types`", .values = kWord};
constexpr Option kCols{.names = "--cols",
                       .value = "N",
                       .help = "weights a row",
                       .values = integers(1, std::int64_t{1} << 31)};
constexpr Option kEncodeOptions[] = {
    kType,
    kCols,
    {.names = "--importance",
     .value = "FILE",
     .help = "one little-endian f32 a column: the importance of every row",
     .values = kFile},
    {.names = "--effort",
     .value = "fast|best",
     .default_value = "best",
     .help = "how hard the encoder searches",
     .values = one_of()},
    {.names = "-n, --threads",
     .value = "N",
     .help = "threads; 0 = physical cores",
     .values = integers(0, 4096)},
};
constexpr Option kDecodeOptions[] = {
    kType,
    kCols,
    {.names = "--gain",
     .help =
         "as matrix products take them: iq2_kt times 1.05, iq3_kt times 1.01, others as they are"},
};

struct Shape {
  const quant::Codec* codec;
  std::size_t cols;
  std::size_t group_bytes() const { return codec->group_rows * codec->row_bytes(cols); }
  std::size_t group_weights() const { return codec->group_rows * cols; }
};

Shape shape_of(const Args& args, const quant::Codec& codec) {
  required(args, "cols");
  const auto cols = static_cast<std::size_t>(args.integer("cols", 1, std::int64_t{1} << 31));
  if (cols % codec.block_elems != 0) {
    throw base::Error(base::Fault::bad_usage, "a row does not hold whole blocks")
        .at("type", codec.name)
        .at("--cols", cols)
        .expected(fmt::format("a multiple of {}", codec.block_elems));
  }
  return {&codec, cols};
}

/// The bytes do not depend on the number of threads: rows are encoded one by one.
std::vector<std::byte> encode_rows(const Args& args, const Shape& shape, std::span<const float> x,
                                   std::span<const float> importance) {
  constexpr std::size_t kPiece = 1 << 16;  // weights
  const quant::Codec& codec = *shape.codec;
  const std::size_t rows = x.size() / shape.cols, row_bytes = codec.row_bytes(shape.cols);
  const std::size_t wanted = std::max<std::size_t>(1, kPiece / shape.cols);
  const std::size_t step = (wanted + codec.group_rows - 1) / codec.group_rows * codec.group_rows;
  const auto effort = args.str("effort") == "fast" ? quant::Effort::fast : quant::Effort::best;
  const std::int64_t asked = args.given("threads") ? args.integer("threads") : 0;
  runtime::Team team(asked == 0 ? physical_cores() : static_cast<std::size_t>(asked));
  std::vector<std::byte> out(rows * row_bytes);
  team.run((rows + step - 1) / step, [&](std::size_t i, std::size_t) {
    interrupt_flag().check();
    const std::size_t first = i * step, n = std::min(step, rows - first);
    codec.encode({.x = x.subspan(first * shape.cols, n * shape.cols),
                  .rows = n,
                  .cols = shape.cols,
                  .importance = importance,
                  .effort = effort},
                 std::span(out).subspan(first * row_bytes, n * row_bytes));
  });
  return out;
}

/// Decodes what was encoded: throws Fault::bad_input where the format cannot hold the values, and
/// tells the rows of which it keeps next to nothing, and the error.
void report_loss(const Shape& shape, std::span<const float> x, std::span<const float> importance,
                 std::span<const std::byte> bytes) {
  constexpr double kLost = 0.9;  // of the weighted root mean square; the coarsest format loses 0.6
  const quant::Codec& codec = *shape.codec;
  std::vector<float> back(shape.group_weights());
  eval::FormatError total;
  std::vector<std::size_t> lost;
  for (std::size_t g = 0; g * shape.group_bytes() < bytes.size(); ++g) {
    const auto group = bytes.subspan(g * shape.group_bytes(), shape.group_bytes());
    if (const auto bad = codec.check(group, shape.cols)) {
      throw base::Error(
          base::Fault::bad_input,
          fmt::format("the values are out of the range of {}: {}", codec.name, bad->what))
          .at("row", g * codec.group_rows)
          .at("block", bad->block)
          .hint("scale the matrix or take another format");
    }
    codec.decode(group, shape.cols, back);
    quant::apply_product_gain(codec, back);
    for (std::size_t r = 0; r < codec.group_rows; ++r) {
      const std::size_t row = g * codec.group_rows + r;
      eval::FormatError error;
      error.add(x.subspan(row * shape.cols, shape.cols),
                std::span(back).subspan(r * shape.cols, shape.cols), importance);
      if (error.weighted_rmse() > kLost) lost.push_back(row);
      total += error;
    }
  }
  fmt::print(stderr, "{}: {} of {}, {} bytes, relative error {:.6f}", codec.name,
             rows_text(x.size() / shape.cols), shape.cols, bytes.size(), total.relative_rmse());
  if (!importance.empty()) fmt::print(stderr, ", weighted {:.6f}", total.weighted_rmse());
  fmt::print(stderr, "\n");
  if (lost.empty()) return;
  fmt::print(
      stderr,
      "warning: next to nothing is left of {} of {} rows (first: row {}): out of the range of "
      "{}, or one value far beyond the others\n",
      lost.size(), x.size() / shape.cols, lost.front(), codec.name);
}

int run_encode(const Args& args) {
  const Shape shape = shape_of(args, encoder_for_option("--type", required(args, "type")));
  const std::string& from = args.positionals()[0];
  const std::string& to = args.positionals()[1];
  check_output(to, {from, args.str("importance")});
  check_raw_output(to);
  const std::vector<float> importance = read_column_importance(args.str("importance"), shape.cols);
  const std::vector<float> x = read_raw_floats("IN.f32", from, shape.cols, shape.codec->group_rows);
  const std::vector<std::byte> out = encode_rows(args, shape, x, importance);
  report_loss(shape, x, importance, out);
  write_raw(to, out);
  return 0;
}

/// A tensor in a format without rows: all of it.
int decode_flat(const Args& args, const quant::FlatFormat& flat) {
  required(args, "cols");
  const auto cols = static_cast<std::size_t>(args.integer("cols", 1, std::int64_t{1} << 31));
  const std::string& from = args.positionals()[0];
  check_output(args.positionals()[1], {from});
  check_raw_output(args.positionals()[1]);
  const std::vector<std::byte> content = read_raw("IN.bin", from);
  const std::span<const std::byte> file = content;
  const std::size_t size = file.size();
  const std::size_t blocks =
      size < flat.tail_bytes ? 0 : (size - flat.tail_bytes) / flat.block_bytes;
  const std::size_t rows = blocks * flat.block_elems / cols;
  if (rows == 0 || rows * cols != blocks * flat.block_elems || cols % flat.rows->block_elems != 0 ||
      flat.bytes(rows * cols) != size) {
    throw base::Error(base::Fault::bad_input, "the file does not hold whole rows")
        .at("file", from)
        .at("found", size)
        .expected(fmt::format("rows of {} weights ({} a block of {} bytes, rows in multiples of "
                              "{}), and {} bytes at the end",
                              cols, flat.block_elems, flat.block_bytes, flat.rows->block_elems,
                              flat.tail_bytes));
  }
  std::vector<std::byte> bytes(rows * flat.rows->row_bytes(cols));
  flat.to_rows(file.first(size - flat.tail_bytes), 0, file.last(flat.tail_bytes), cols, bytes);
  std::vector<float> out(rows * cols);
  const tensor::TensorView view{flat.rows, {{cols, rows, 1, 1}}, bytes};
  if (const auto bad = flat.rows->check(view.rows(0, 1), cols)) {
    throw base::Error(base::Fault::bad_file, "the scale is not finite or overflows")
        .at("file", from)
        .at("offset", size - flat.tail_bytes);
  }
  tensor::decode_rows(view, 0, rows, out);
  write_raw(args.positionals()[1], std::as_bytes(std::span(out)));
  return 0;
}

int run_decode(const Args& args) {
  if (const auto* flat = quant::find_flat_format(std::string_view(args.str("type")))) {
    return decode_flat(args, *flat);
  }
  const Shape shape = shape_of(args, codec_for_option("--type", required(args, "type")));
  const std::string& from = args.positionals()[0];
  const std::string& to = args.positionals()[1];
  check_output(to, {from});
  check_raw_output(to);
  const std::vector<std::byte> content = read_raw("IN.bin", from);
  const std::span<const std::byte> bytes = content;
  check_whole_rows(from, bytes.size(), shape.codec->row_bytes(shape.cols), shape.codec->group_rows,
                   fmt::format("{} weights in {}", shape.cols, shape.codec->name));
  const std::size_t groups = bytes.size() / shape.group_bytes();
  std::vector<float> out(groups * shape.group_weights());
  for (std::size_t g = 0; g < groups; ++g) {
    const auto group = bytes.subspan(g * shape.group_bytes(), shape.group_bytes());
    if (const auto bad = shape.codec->check(group, shape.cols)) {
      throw base::Error(base::Fault::bad_file, std::string(bad->what))
          .at("file", from)
          .at("row", g * shape.codec->group_rows)
          .at("block", bad->block)
          .at("offset", g * shape.group_bytes() + bad->offset);
    }
    shape.codec->decode(group, shape.cols,
                        std::span(out).subspan(g * shape.group_weights(), shape.group_weights()));
  }
  if (args.flag("gain")) quant::apply_product_gain(*shape.codec, out);
  write_raw(to, std::as_bytes(std::span(out)));
  return 0;
}

}  // namespace

const Command encode_command{
    .name = "encode",
    .summary = "turn a raw matrix of f32 into bytes of a format",
    .usage = "--type TYPE --cols N [options] IN.f32 OUT.bin",
    .details =
        "Little-endian, row after row, no header; woven formats want whole groups of rows. '-' is "
        "standard input or output. Size and error (root mean square of what is lost, relative to "
        "that of the weights) are told on standard error.",
    .options = kEncodeOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run_encode};
const Command decode_command{
    .name = "decode",
    .summary = "turn bytes of a format into a raw matrix of f32",
    .usage = "--type TYPE --cols N [options] IN.bin OUT.f32",
    .details =
        "The reverse of encode. Refuses scales that are not finite. '-' is standard input or "
        "output.",
    .options = kDecodeOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run_decode};
}  // namespace cli
