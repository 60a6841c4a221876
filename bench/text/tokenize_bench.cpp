// Speed of tokenizing, bytes of text a second. QUERN_BENCH_VOCAB names a GGUF file and
// QUERN_BENCH_TEXT a text; without them the model and the text of the repository are taken.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gguf/file.h"
#include "text/tokenizer.h"

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

void encode(benchmark::State& state) {
  const auto tokenizer = text::make_tokenizer(
      gguf::File::open(from_environment("QUERN_BENCH_VOCAB", "data/tiny-mla-bf16.gguf"))
          .metadata());
  std::ifstream in(from_environment("QUERN_BENCH_TEXT", "data/evaluation.txt"), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::size_t n = 0;
  for (auto _ : state) n = tokenizer->encode(text, {}).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.counters["tokens"] = static_cast<double>(n);
}
BENCHMARK(encode)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
