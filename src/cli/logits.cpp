// quern logits: the logits of every position of a text, for tests and for those who compare
// programs.
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/output_file.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/session.h"
#include "eval/corpus.h"
#include "runtime/evaluate.h"
#include "runtime/peak_memory.h"
#include "tensor/buffer.h"

namespace cli {
namespace {

constexpr std::array<Option, 6> kOwnOptions{{
    {.names = "--ids", .value = "FILE", .help = "token ids, int32, little-endian", .values = kFile},
    {.names = "-p, --prompt",
     .value = "TEXT",
     .help = "text instead of ids; escapes are replaced",
     .values = kText},
    {.names = "-o, --output",
     .value = "FILE",
     .help = "logits: one row of vocabulary size a token, f32, little-endian",
     .values = kOutputFile},
    kUbatchOption,
    kLoopOption,
    kNoEscapeOption,
}};
constexpr auto kOptions = join(join(kModelOptions, kComputeOptions), kOwnOptions);

std::vector<std::int32_t> read_ids(const std::string& path, std::size_t n_vocab) {
  const tensor::Mapping file{std::filesystem::path(path)};
  const auto bytes = file.bytes();
  if (bytes.empty() || bytes.size() % sizeof(std::int32_t) != 0) {
    throw base::Error(base::Fault::bad_file, "not a list of token ids")
        .at("file", path)
        .at("found", fmt::format("{} bytes", bytes.size()))
        .at("expected", "a multiple of 4, at least 4");
  }
  std::vector<std::int32_t> ids(bytes.size() / sizeof(std::int32_t));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = base::load<std::int32_t>(bytes.data() + i * sizeof(std::int32_t));
    if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < n_vocab) continue;
    throw base::Error(base::Fault::bad_input, "token id outside the vocabulary")
        .at("file", path)
        .at("position", i)
        .at("offset", i * sizeof(std::int32_t))
        .at("found", ids[i])
        .expected(fmt::format("0 to {}", n_vocab - 1));
  }
  return ids;
}

std::vector<std::int32_t> tokens_of(const Args& args, const runtime::Model& model) {
  if (args.given("ids")) return read_ids(args.str("ids"), model.spec().n_vocab);
  std::string text = args.str("prompt");
  if (!args.flag("no-escape")) text = eval::process_escapes(text);
  return model.tokenizer().encode(text, {});
}

int run(const Args& args) {
  const std::string output = required(args, "output");
  check_one_given(args, "ids", "prompt");
  Session session(args);
  const runtime::Model model = runtime::Model::open(required(args, "model"), rules(args));
  print_findings(model.findings());
  check_output(output, model.files());
  check_output(output, {args.str("ids")});
  const std::size_t row_bytes = model.spec().n_vocab * sizeof(float);
  check_replaceable("--output", output, Product::logits, row_bytes);
  const runtime::Chunk chunk{.tokens = tokens_of(args, model), .first_output = 0};
  warn_beyond_training(model, chunk.tokens.size());
  base::OutputFile file(output);
  file.reserve(chunk.tokens.size() * row_bytes);
  runtime::evaluate(
      model, {&chunk, 1}, evaluate_options(args), {},
      [&](std::size_t, std::size_t first, const runtime::Rows& rows) {
        const auto* data = reinterpret_cast<const std::byte*>(rows.data);
        file.write(first * row_bytes, {data, rows.n * row_bytes});
      },
      session.runtime());
  file.commit();
  session.progress().clear();
  fmt::print("{} tokens, {} logits each, written to {}\n", chunk.tokens.size(),
             model.spec().n_vocab, output);
  fmt::print(stderr, "peak memory {:.1f} MiB\n",
             static_cast<double>(runtime::peak_resident_bytes()) / (1024.0 * 1024.0));
  return 0;
}

}  // namespace

const Command logits_command{.name = "logits",
                             .summary = "write the logits of every position of a text",
                             .usage = "-m MODEL (--ids IDS.i32 | -p TEXT) -o OUT.f32 [options]",
                             .options = kOptions,
                             .run = run};

}  // namespace cli
