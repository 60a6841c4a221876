// Speed of products and attention of every table against the machine's ceilings, all measured in
// the same run.
//
//   kernels_bench [--threads N] [--table NAME] [--type A,B,...] [--rows 1,4,16,512] [--seconds S]
//
// Matrices are 4096 x 4096; for few rows of x they are taken in turn from a gibibyte of copies, so
// that weights come from memory as in generation. Prints medians, the spread of the repeats, and
// the bytes of weights a second, also as part of the bandwidth of reading.
#include <fmt/format.h>
#include <immintrin.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "kernels/decode.h"
#include "kernels/table.h"
#include "tensor/buffer.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kSide = 4096;

struct Options {
  std::size_t threads = 2;
  std::string table;
  std::vector<std::string> types;
  std::vector<std::size_t> rows{1, 4, 16, 512};
  double seconds = 0.4;
  double read_bandwidth = 0;  ///< bytes/s, measured at the start
};

struct Timing {
  double median, spread;  // seconds; (largest - smallest) / median
};

/// Runs body(thread) on all threads at once, again and again, each round timed as a whole.
Timing measure(const Options& options, const std::function<void(std::size_t)>& body) {
  std::vector<double> times;
  bool stop = false;
  Clock::time_point begin;
  const auto end_round = [&]() noexcept {
    const double t = std::chrono::duration<double>(Clock::now() - begin).count();
    times.push_back(t);
    double total = 0;
    for (const double s : times) total += s;
    stop = times.size() >= 4 && total > options.seconds;
    begin = Clock::now();
  };
  std::barrier round(static_cast<std::ptrdiff_t>(options.threads), end_round);
  std::vector<std::thread> team;
  begin = Clock::now();
  for (std::size_t thread = 0; thread < options.threads; ++thread) {
    team.emplace_back([&, thread] {
      while (!stop) {
        body(thread);
        round.arrive_and_wait();
      }
    });
  }
  for (std::thread& t : team) t.join();
  times.erase(times.begin());  // the first round warms up
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], (times.back() - times.front()) / times[times.size() / 2]};
}

// ---- ceilings

double read_bandwidth(const Options& options) {
  constexpr std::size_t kBytes = std::size_t{1} << 29;
  std::vector<tensor::Buffer> parts;
  for (std::size_t i = 0; i < options.threads; ++i) {
    parts.emplace_back(kBytes / options.threads);
    std::memset(parts.back().data(), 1, parts.back().size());
  }
  std::vector<long long> sums(options.threads * 8);
  const Timing t = measure(options, [&](std::size_t thread) {
    const auto* p = reinterpret_cast<const __m256i*>(parts[thread].data());
    __m256i sum[4] = {};
    for (std::size_t i = 0; i < parts[thread].size() / 32; i += 4) {
      for (std::size_t j = 0; j < 4; ++j)
        sum[j] = _mm256_add_epi64(sum[j], _mm256_load_si256(p + i + j));
    }
    const __m256i all =
        _mm256_add_epi64(_mm256_add_epi64(sum[0], sum[1]), _mm256_add_epi64(sum[2], sum[3]));
    sums[thread * 8] += _mm256_extract_epi64(all, 0);
  });
  return static_cast<double>(kBytes) / t.median;
}

constexpr std::size_t kSteps = 1u << 20;

__attribute__((target("avx2,fma"))) float fma_steps() {
  __m256 sum[10];
  for (auto& s : sum) s = _mm256_set1_ps(1);
  const __m256 x = _mm256_set1_ps(0.999F);
  for (std::size_t i = 0; i < kSteps; ++i) {
    for (auto& s : sum) s = _mm256_fmadd_ps(s, x, x);
  }
  for (std::size_t i = 1; i < 10; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
  return _mm256_cvtss_f32(sum[0]);
}
__attribute__((target("avx512f"))) float fma512_steps() {
  __m512 sum[10];
  for (auto& s : sum) s = _mm512_set1_ps(1);
  const __m512 x = _mm512_set1_ps(0.999F);
  for (std::size_t i = 0; i < kSteps; ++i) {
    for (auto& s : sum) s = _mm512_fmadd_ps(s, x, x);
  }
  for (std::size_t i = 1; i < 10; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  return _mm512_cvtss_f32(sum[0]);
}
__attribute__((target("avx512f,avx512vnni"))) float vnni_steps() {
  __m512i sum[10];
  for (auto& s : sum) s = _mm512_set1_epi8(1);
  const __m512i x = _mm512_set1_epi8(3);
  for (std::size_t i = 0; i < kSteps; ++i) {
    for (auto& s : sum) s = _mm512_dpbusd_epi32(s, x, x);
  }
  for (std::size_t i = 1; i < 10; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  return static_cast<float>(_mm512_cvtsi512_si32(sum[0]));
}
/// Constant, because gcc 12 takes the operand of the load for eight bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kTileConfig;

__attribute__((target("amx-tile,amx-bf16"))) float tile_steps() {
  _tile_loadconfig(&kTileConfig);
  for (std::size_t i = 0; i < kSteps / 16; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 0;
}

double operations(const Options& options, float (*steps)(), double per_call) {
  std::vector<float> sink(options.threads * 16);
  const Timing t = measure(options, [&](std::size_t thread) { sink[thread * 16] += steps(); });
  return per_call * static_cast<double>(options.threads) / t.median;
}

bool supported(const char* name) {
  const kernels::KernelTable* table = kernels::find_table(name);
  return table != nullptr && table->supported();
}

/// Prints what the machine can do at most; notes the bandwidth.
void print_ceilings(Options& options) {
  const double n = static_cast<double>(kSteps);
  fmt::print("ceilings, {} threads\n", options.threads);
  options.read_bandwidth = read_bandwidth(options);
  fmt::print("  read            {:7.1f} GB/s\n", options.read_bandwidth * 1e-9);
  fmt::print("  AVX2 f32        {:7.0f} GFLOP/s\n", operations(options, fma_steps, n * 160) * 1e-9);
  if (supported("avx512")) {
    fmt::print("  AVX-512 f32     {:7.0f} GFLOP/s\n",
               operations(options, fma512_steps, n * 320) * 1e-9);
    fmt::print("  AVX-512 VNNI    {:7.0f} GOP/s\n",
               operations(options, vnni_steps, n * 1280) * 1e-9);
  }
  if (supported("amx")) {
    fmt::print("  AMX bf16        {:7.0f} GFLOP/s\n",
               operations(options, tile_steps, n / 16 * 4 * 16384) * 1e-9);
  }
}

// ---- products

std::vector<float> random_floats(std::size_t n, float scale) {
  std::mt19937 bits(1);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> x(n);
  for (float& v : x) v = normal(bits);
  return x;
}

/// Copies of one encoded matrix.
struct Matrices {
  const quant::Codec* codec;
  std::size_t bytes, copies;
  tensor::Buffer data;

  Matrices(const quant::Codec& c, std::size_t n)
      : codec(&c), bytes(kSide * c.row_bytes(kSide)), copies(n), data(n * bytes) {
    // A few rows are encoded and repeated: encoders are slow, kernels do not look at values.
    constexpr std::size_t kRows = 64;
    const std::vector<float> x = random_floats(kRows * kSide, 0.02F);
    const std::vector<float> importance(kSide, 1.0F);
    c.encode({.x = x,
              .rows = kRows,
              .cols = kSide,
              .importance = importance,
              .effort = quant::Effort::fast},
             data.bytes().first(kRows * c.row_bytes(kSide)));
    const std::size_t piece = kRows * c.row_bytes(kSide);
    for (std::size_t at = piece; at < data.size(); at += piece) {
      std::memcpy(data.data() + at, data.data(), piece);
    }
  }
};

void bench_product(const Options& options, const kernels::KernelTable& table, const Matrices& m,
                   std::size_t n) {
  const kernels::Packing packing = table.packing(*m.codec, n);
  const std::size_t x_bytes = table.packed_row_bytes(packing, kSide);
  const std::vector<float> x = random_floats(n * kSide, 1);
  tensor::Buffer packed(n * x_bytes);
  std::vector<float> out(n * kSide);
  std::vector<tensor::Buffer> scratch;
  for (std::size_t i = 0; i < options.threads; ++i) {
    scratch.emplace_back(table.matmul_scratch(*m.codec, kSide, n));
  }
  const std::size_t step = table.matmul_rows(*m.codec, kSide, n);
  std::vector<std::size_t> turn(options.threads);
  const Timing t = measure(options, [&](std::size_t thread) {
    const std::size_t share = (n + options.threads - 1) / options.threads;
    const std::size_t first = std::min(thread * share, n);
    table.pack(packing, x.data() + first * kSide, kSide, std::min(share, n - first), kSide,
               packed.data() + first * x_bytes);
    const std::byte* weights = m.data.data() + turn[thread]++ % m.copies * m.bytes;
    for (std::size_t row = thread * step; row < kSide; row += options.threads * step) {
      table.matmul({.codec = m.codec,
                    .weights = weights,
                    .cols = kSide,
                    .row_begin = row,
                    .row_end = std::min(row + step, kSide),
                    .packing = packing,
                    .x = packed.data(),
                    .x_stride = x_bytes,
                    .n_rows = n,
                    .out = out.data() + row,
                    .out_stride = kSide,
                    .scratch = scratch[thread].data()});
    }
  });
  const double flops = 2.0 * static_cast<double>(kSide * kSide * n) / t.median;
  const double bandwidth = static_cast<double>(m.bytes) / t.median;
  fmt::print(
      "  {:10} {:10} {:4} {:4} {:7.0f} GFLOP/s {:6.2f} GB/s ({:3.0f} % of read) {:8.3f} ms  "
      "+-{:.0f} %\n",
      table.name, m.codec->name, n,
      packing == kernels::Packing::q8     ? "q8"
      : packing == kernels::Packing::bf16 ? "bf16"
                                          : "f32",
      flops * 1e-9, bandwidth * 1e-9, 100 * bandwidth / options.read_bandwidth, t.median * 1e3,
      t.spread * 50);
}

// ---- decoding

/// Copies floats to where a decoder would write them.
double copy_bandwidth(const Options& options) {
  std::vector<std::vector<float>> from(options.threads, std::vector<float>(16 * kSide));
  std::vector<std::vector<float>> to = from;
  const Timing t = measure(options, [&](std::size_t thread) {
    for (std::size_t round = 0; round < 16; ++round) {
      std::memcpy(to[thread].data(), from[thread].data(), 16 * kSide * sizeof(float));
    }
  });
  return static_cast<double>(options.threads * 16 * 16 * kSide * sizeof(float)) / t.median;
}

void bench_decode(const Options& options, const kernels::KernelTable& table, const Matrices& m,
                  double copy) {
  const std::size_t group = m.codec->group_rows;
  std::vector<std::vector<float>> out(options.threads, std::vector<float>(16 * kSide));
  const Timing t = measure(options, [&](std::size_t thread) {
    for (std::size_t row = 0; row < 256; row += group) {
      kernels::decode_group(table, *m.codec, m.data.data() + row * m.codec->row_bytes(kSide), kSide,
                            out[thread].data() + row % 16 * kSide);
    }
  });
  const double speed =
      static_cast<double>(options.threads * 256 * kSide * sizeof(float)) / t.median;
  fmt::print("  {:10} {:10} decode    {:7.2f} GB/s of floats ({:3.0f} % of copy)  +-{:.0f} %\n",
             table.name, m.codec->name, speed * 1e-9, 100 * speed / copy, t.spread * 50);
}

// ---- attention

void bench_attention(const Options& options, const kernels::KernelTable& table, std::size_t n_q,
                     std::size_t keys, std::size_t key_dim, std::size_t value_dim) {
  std::vector<std::byte> cache(keys * (key_dim + value_dim) * 2);
  const std::vector<float> kv = random_floats(keys * (key_dim + value_dim), 1);
  table.to_cache(kernels::CacheType::f16, kv.data(), kv.size(), cache.data());
  const std::vector<float> q = random_floats(n_q * key_dim, 1);
  const kernels::KvRun run{cache.data(), cache.data() + keys * key_dim * 2, keys};
  std::vector<std::uint32_t> first(n_q), last(n_q);
  double pairs = 0;
  for (std::size_t i = 0; i < n_q; ++i) {
    last[i] = static_cast<std::uint32_t>(n_q > keys ? keys : keys - n_q + i + 1);
    pairs += last[i];
  }
  std::vector<std::vector<float>> out(options.threads, std::vector<float>(n_q * value_dim));
  std::vector<tensor::Buffer> scratch(options.threads);
  const auto args = [&](std::size_t thread) {
    return kernels::AttentionArgs{.q = q.data(),
                                  .q_stride = key_dim,
                                  .n_q = n_q,
                                  .key_dim = key_dim,
                                  .value_dim = value_dim,
                                  .type = kernels::CacheType::f16,
                                  .runs = &run,
                                  .n_runs = 1,
                                  .k_stride = key_dim * 2,
                                  .v_stride = value_dim * 2,
                                  .first = first.data(),
                                  .last = last.data(),
                                  .scale = 0.1F,
                                  .soft_cap = 0,
                                  .sink = nullptr,
                                  .out = out[thread].data(),
                                  .out_stride = value_dim,
                                  .scratch = scratch[thread].data()};
  };
  for (std::size_t i = 0; i < options.threads; ++i) {
    scratch[i] = tensor::Buffer(table.attention_scratch(args(i)));
  }
  const Timing t = measure(options, [&](std::size_t thread) { table.attention(args(thread)); });
  const double flops = 2 * pairs * static_cast<double>(key_dim + value_dim) *
                       static_cast<double>(options.threads) / t.median;
  fmt::print("  {:10} attention {:4} x {:5} keys, dims {:3} {:3} {:7.0f} GFLOP/s {:8.3f} ms\n",
             table.name, n_q, keys, key_dim, value_dim, flops * 1e-9, t.median * 1e3);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--threads") options.threads = std::stoul(value);
    if (name == "--table") options.table = value;
    if (name == "--type") options.types = split(value);
    if (name == "--seconds") options.seconds = std::stod(value);
    if (name == "--rows") {
      options.rows.clear();
      for (const std::string& n : split(value)) options.rows.push_back(std::stoul(n));
    }
  }
  return options;
}

bool wanted(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

void bench_table(const Options& options, const kernels::KernelTable& table) {
  const double copy = copy_bandwidth(options);
  fmt::print("  copy in the caches {:.1f} GB/s\n", copy * 1e-9);
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (codec->encode == nullptr || !wanted(options.types, codec->name)) continue;
    const std::size_t copies = (std::size_t{1} << 30) / (kSide * codec->row_bytes(kSide)) + 1;
    const Matrices m(*codec, copies);
    for (const std::size_t n : options.rows) bench_product(options, table, m, n);
    bench_decode(options, table, m, copy);
  }
  if (!options.types.empty() && !wanted(options.types, "attention")) return;
  bench_attention(options, table, 1, 4096, 128, 128);
  bench_attention(options, table, 512, 512, 128, 128);
  bench_attention(options, table, 512, 4096, 192, 128);
  bench_attention(options, table, 128, 4096, 576, 512);
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  fmt::print("{}, {} build\n", cpu_model(),
#ifdef NDEBUG
             "release"
#else
             "debug"
#endif
  );
  print_ceilings(options);
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    if (options.table.empty() ? table->name == "reference" : table->name != options.table) continue;
    bench_table(options, *table);
  }
  return 0;
}
