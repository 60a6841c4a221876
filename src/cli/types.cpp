// quern types: every format.
#include <fmt/format.h>

#include "cli/commands.h"
#include "quant/codec.h"

namespace cli {
namespace {

std::string_view readers_text(quant::Readers readers) {
  switch (readers) {
    case quant::Readers::both:
      return "llama.cpp, ik_llama.cpp";
    case quant::Readers::ik_only:
      return "ik_llama.cpp";
    case quant::Readers::mainline_only:
      return "llama.cpp";
    case quant::Readers::none:
      return "-";
  }
  return "";
}

int run(const Args&) {
  fmt::print("{:>4}  {:<12} {:>5} {:>6} {:>5} {:>5} {:>9}  {}\n", "id", "name", "block", "bytes",
             "meta", "rows", "bpw", "also read by");
  for (const quant::Codec* c : quant::all_codecs()) {
    fmt::print("{:>4}  {:<12} {:>5} {:>6} {:>5} {:>5} {:>9.4f}  {}\n", c->id, c->name,
               c->block_elems, c->block_bytes, c->row_meta_bytes, c->group_rows, c->bpw(),
               readers_text(c->readers));
  }
  return 0;
}

}  // namespace

const Command types_command{
    .name = "types",
    .summary = "list every tensor format: id, name, block, bits per weight",
    .usage = "",
    .details =
        "block: weights a block; bytes: bytes a block; meta: bytes in front of "
        "a row; rows: rows woven together; bpw: bits per weight without meta.",
    .options = {},
    .run = run};
}  // namespace cli
