// quern encode and quern decode: raw matrices of floats to bytes of a format and back, for scripts.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "quant/flat.h"
#include "quant/gain.h"
#include "tensor/buffer.h"
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
};
constexpr Option kDecodeOptions[] = {
    kType,
    kCols,
    {.names = "--gain", .help = "iq2_kt, iq3_kt: times the factor that matrix products apply"},
};

struct Shape {
  const quant::Codec* codec;
  std::size_t cols;
  std::size_t group_bytes() const { return codec->group_rows * codec->row_bytes(cols); }
  std::size_t group_weights() const { return codec->group_rows * cols; }
};

Shape shape_of(const Args& args) {
  const std::string name = required(args, "type");
  const quant::Codec* codec = quant::find_codec(std::string_view(name));
  if (quant::find_flat_format(std::string_view(name)) != nullptr) {
    throw base::Error(base::Fault::unsupported, "this format is only read").at("type", name);
  }
  if (codec == nullptr) {
    throw base::Error(base::Fault::bad_usage, "unknown type")
        .at("found", name)
        .hint("see `quern types`");
  }
  required(args, "cols");
  const auto cols = static_cast<std::size_t>(args.integer("cols", 1, std::int64_t{1} << 31));
  if (cols % codec->block_elems != 0) {
    throw base::Error(base::Fault::bad_usage, "a row does not hold whole blocks")
        .at("type", codec->name)
        .at("--cols", cols)
        .expected(fmt::format("a multiple of {}", codec->block_elems));
  }
  return {codec, cols};
}

/// Throws Fault::bad_input unless the file is made of pieces of this size.
void check_size(const std::string& path, std::size_t size, std::size_t piece,
                std::string_view what) {
  if (size % piece == 0 && size != 0) return;
  throw base::Error(base::Fault::bad_input, "the file has an odd size")
      .at("file", path)
      .at("found", size)
      .expected(fmt::format("a multiple of {} bytes, {}", piece, what));
}

std::vector<float> read_floats(const std::string& path, std::size_t piece, std::string_view what) {
  const tensor::Mapping file(path);
  check_size(path, file.bytes().size(), piece * sizeof(float), what);
  std::vector<float> out(file.bytes().size() / sizeof(float));
  std::memcpy(out.data(), file.bytes().data(), file.bytes().size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (std::isfinite(out[i])) continue;
    throw base::Error(base::Fault::bad_input, "a value is not finite")
        .at("file", path)
        .at("offset", i * sizeof(float));
  }
  return out;
}

void write_file(const std::string& path, const void* data, std::size_t size) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  out.close();
  if (!out) throw base::Error(base::Fault::io, "cannot write the file").at("file", path);
}

std::vector<float> importance_of(const Args& args, std::size_t cols) {
  if (!args.given("importance")) return {};
  const std::string path = args.str("importance");
  std::vector<float> v = read_floats(path, cols, "one f32 a column");
  const auto negative = std::find_if(v.begin(), v.end(), [](float x) { return x < 0; });
  if (v.size() != cols || negative != v.end()) {
    throw base::Error(base::Fault::bad_input, "this is no importance")
        .at("file", path)
        .expected(fmt::format("{} values, none below zero", cols));
  }
  return v;
}

int run_encode(const Args& args) {
  const Shape shape = shape_of(args);
  const std::string& from = args.positionals()[0];
  const std::string& to = args.positionals()[1];
  check_output(to, {from, args.str("importance")});
  if (shape.codec->encode == nullptr) {
    throw base::Error(base::Fault::unsupported, "this format is only read")
        .at("type", shape.codec->name);
  }
  const std::string effort = args.str("effort");
  if (effort != "fast" && effort != "best") {
    throw base::Error(base::Fault::bad_usage, "bad value for --effort")
        .at("found", effort)
        .expected("fast or best");
  }
  const std::vector<float> x =
      read_floats(from, shape.group_weights(),
                  fmt::format("{} rows of {} f32", shape.codec->group_rows, shape.cols));
  const std::vector<float> importance = importance_of(args, shape.cols);
  const std::size_t rows = x.size() / shape.cols;
  std::vector<std::byte> out(rows * shape.codec->row_bytes(shape.cols));
  shape.codec->encode({.x = x,
                       .rows = rows,
                       .cols = shape.cols,
                       .importance = importance,
                       .effort = effort == "fast" ? quant::Effort::fast : quant::Effort::best},
                      out);
  write_file(to, out.data(), out.size());
  return 0;
}

/// A tensor in a format without rows: all of it.
int decode_flat(const Args& args, const quant::FlatFormat& flat) {
  required(args, "cols");
  const auto cols = static_cast<std::size_t>(args.integer("cols", 1, std::int64_t{1} << 31));
  const std::string& from = args.positionals()[0];
  check_output(args.positionals()[1], {from});
  const tensor::Mapping file(from);
  const std::size_t size = file.bytes().size();
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
  flat.to_rows(file.bytes().first(size - flat.tail_bytes), 0, file.bytes().last(flat.tail_bytes),
               cols, bytes);
  std::vector<float> out(rows * cols);
  const tensor::TensorView view{flat.rows, {{cols, rows, 1, 1}}, bytes};
  if (const auto bad = flat.rows->check(view.rows(0, 1), cols)) {
    throw base::Error(base::Fault::bad_file, "the scale is not finite or overflows")
        .at("file", from)
        .at("offset", size - flat.tail_bytes);
  }
  tensor::decode_rows(view, 0, rows, out);
  write_file(args.positionals()[1], out.data(), out.size() * sizeof(float));
  return 0;
}

int run_decode(const Args& args) {
  if (const auto* flat = quant::find_flat_format(std::string_view(args.str("type")))) {
    return decode_flat(args, *flat);
  }
  const Shape shape = shape_of(args);
  const std::string& from = args.positionals()[0];
  const std::string& to = args.positionals()[1];
  check_output(to, {from});
  const tensor::Mapping file(from);
  const std::span<const std::byte> bytes = file.bytes();
  check_size(from, bytes.size(), shape.group_bytes(),
             fmt::format("{} rows of {} weights", shape.codec->group_rows, shape.cols));
  const std::size_t groups = bytes.size() / shape.group_bytes();
  std::vector<float> out(groups * shape.group_weights());
  for (std::size_t g = 0; g < groups; ++g) {
    const auto group = bytes.subspan(g * shape.group_bytes(), shape.group_bytes());
    if (const auto bad = shape.codec->check(group, shape.cols)) {
      throw base::Error(base::Fault::bad_file, std::string(bad->what))
          .at("file", from)
          .at("block", bad->block)
          .at("offset", g * shape.group_bytes() + bad->offset);
    }
    shape.codec->decode(group, shape.cols,
                        std::span(out).subspan(g * shape.group_weights(), shape.group_weights()));
  }
  if (args.flag("gain")) quant::apply_product_gain(*shape.codec, out);
  write_file(to, out.data(), out.size() * sizeof(float));
  return 0;
}

}  // namespace

const Command encode_command{
    .name = "encode",
    .summary = "turn a raw matrix of f32 into bytes of a format",
    .usage = "--type TYPE --cols N [options] IN.f32 OUT.bin",
    .details = "Little-endian, row after row, no header; woven formats want whole groups of rows.",
    .options = kEncodeOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run_encode};
const Command decode_command{
    .name = "decode",
    .summary = "turn bytes of a format into a raw matrix of f32",
    .usage = "--type TYPE --cols N [options] IN.bin OUT.f32",
    .details = "The reverse of encode. Refuses scales that are not finite.",
    .options = kDecodeOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run_decode};
}  // namespace cli
