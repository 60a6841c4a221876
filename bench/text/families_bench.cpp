// Speed of every family of pre-tokenizers, bytes of text a second: cutting alone (cut/NAME), and
// the whole of encoding (encode/NAME) with the merges of QUERN_BENCH_VOCAB, a GGUF file with a
// byte-level BPE vocabulary; without it only cutting is measured. QUERN_BENCH_TEXT names a text.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gguf/file.h"
#include "text/pretokenize/families.h"
#include "text/pretokenize/pretokenizer.h"
#include "text/tokenizer.h"

namespace {

const std::string& bench_text() {
  static const std::string text = [] {
    const char* path = std::getenv("QUERN_BENCH_TEXT");
    std::ifstream in(path == nullptr ? "data/evaluation.txt" : path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }();
  return text;
}

void count(benchmark::State& state, std::size_t n) {
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<std::size_t>(state.iterations()) *
                                                    bench_text().size()));
  state.counters["pieces"] = static_cast<double>(n);
}

void cut(benchmark::State& state, const text::Family& family) {
  const text::Pretokenizer pretokenizer(family.expressions);
  text::Words words;
  for (auto _ : state) pretokenizer.split(bench_text(), words);
  count(state, words.ends.size());
}

void encode(benchmark::State& state, const std::string& name) {
  gguf::Metadata metadata = gguf::File::open(std::getenv("QUERN_BENCH_VOCAB")).metadata();
  metadata.set("tokenizer.ggml.pre", name);
  const auto tokenizer = text::make_tokenizer(metadata);
  std::size_t n = 0;
  for (auto _ : state) n = tokenizer->encode(bench_text(), {}).size();
  count(state, n);
}

const bool registered = [] {
  for (const text::NamedFamily& row : text::all_families()) {
    const std::string& name = row.names.front();
    benchmark::RegisterBenchmark(("cut/" + name).c_str(), cut, row.family)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime();
    if (std::getenv("QUERN_BENCH_VOCAB") == nullptr) continue;
    benchmark::RegisterBenchmark(("encode/" + name).c_str(), encode, name)
        ->Unit(benchmark::kMillisecond)
        ->MeasureProcessCPUTime();
  }
  return true;
}();

}  // namespace
