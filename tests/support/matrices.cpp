#include "support/matrices.h"

#include <cctype>
#include <fstream>
#include <numbers>
#include <sstream>

#include "support/support.h"

namespace test {
namespace {

std::map<std::string, GoldenRow, std::less<>> read_index(const std::filesystem::path& path) {
  std::map<std::string, GoldenRow, std::less<>> rows;
  std::istringstream text(read_text(path));
  std::string line;
  std::getline(text, line);  // column names
  while (std::getline(text, line)) {
    std::istringstream fields(line);
    GoldenRow row{};
    std::string skip;
    fields >> row.name >> skip >> skip >> skip >> skip >> row.rows >> row.cols >> skip >>
        row.rmse_importance >> row.wrmse_importance >> row.rmse_plain;
    if (fields) rows.emplace(row.name, row);
  }
  return rows;
}

/// splitmix64: 53 random bits as a number in [0, 1).
double uniform(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

template <class F>
std::vector<float> filled(std::size_t n, F f) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = f(i);
  return v;
}

}  // namespace

std::vector<GoldenSet> golden_sets() {
  std::vector<GoldenSet> sets;
  for (const char* name : {"weights", "corners", "narrow", "ternary"}) {
    const auto folder = source_path("tests/golden/types") / name;
    sets.push_back({name, read_floats(folder / "input.f32"), read_floats(folder / "importance.f32"),
                    read_index(folder / "index.tsv")});
  }
  return sets;
}

double relative_error(std::span<const float> x, std::span<const float> y,
                      std::span<const float> v) {
  double error = 0, energy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = v.empty() ? 1.0 : static_cast<double>(v[i % v.size()]);
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    error += weight * difference * difference;
    energy += weight * static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  return energy > 0 ? std::sqrt(error / energy) : std::sqrt(error);
}

std::vector<std::byte> encode(const quant::Codec& codec, const quant::EncodeInput& in) {
  std::vector<std::byte> bytes(in.rows * codec.row_bytes(in.cols));
  codec.encode(in, bytes);
  return bytes;
}

std::vector<float> decode(const quant::Codec& codec, std::span<const std::byte> bytes,
                          std::size_t rows, std::size_t cols) {
  std::vector<float> out(rows * cols);
  const std::size_t group_bytes = codec.group_rows * codec.row_bytes(cols);
  const std::size_t group_elems = codec.group_rows * cols;
  for (std::size_t g = 0; g < rows / codec.group_rows; ++g) {
    codec.decode(bytes.subspan(g * group_bytes, group_bytes), cols,
                 std::span(out).subspan(g * group_elems, group_elems));
  }
  return out;
}

std::vector<float> gaussian(std::size_t n, float sigma, std::uint64_t seed) {
  std::uint64_t state = seed;
  return filled(n, [&](std::size_t) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform(state)));
    return sigma * static_cast<float>(radius * std::cos(2 * std::numbers::pi * uniform(state)));
  });
}

std::vector<NamedValues> hostile_rows(std::size_t cols) {
  const std::vector<float> noise = gaussian(cols, 1.0f, 1);
  const auto scaled = [&](float factor) {
    return filled(cols, [&](std::size_t i) { return noise[i] * factor; });
  };
  const auto make = [&](auto f) { return filled(cols, f); };
  return {
      {"weights", scaled(0.02f)},
      {"zeros", std::vector<float>(cols, 0.0f)},
      {"negative zeros", std::vector<float>(cols, -0.0f)},
      {"a constant", std::vector<float>(cols, 0.37f)},
      {"a negative constant", std::vector<float>(cols, -0.37f)},
      {"a spike in 32", make([](std::size_t i) { return i % 32 == 5 ? 3.0f : 0.0f; })},
      {"a negative spike in 256", make([](std::size_t i) { return i % 256 == 77 ? -9.f : 0.f; })},
      {"spikes on noise",
       make([&](std::size_t i) { return i % 64 == 9 ? 1e3f : 1e-3f * noise[i]; })},
      {"all above zero", make([&](std::size_t i) { return 1.0f + 0.01f * noise[i]; })},
      {"all below zero", make([&](std::size_t i) { return -1.0f + 0.01f * noise[i]; })},
      {"a ramp", make([](std::size_t i) { return 0.001f * static_cast<float>(i % 256); })},
      {"three levels", make([](std::size_t i) { return 0.4f * (static_cast<float>(i % 3) - 1); })},
      {"one block of zeros", make([&](std::size_t i) { return i % 256 < 64 ? 0.0f : noise[i]; })},
      {"near the smallest f16", scaled(1e-7f)},
      {"below f16", scaled(1e-12f)},
      {"tiny", scaled(1e-30f)},
      {"subnormal", scaled(1e-40f)},
      {"above f16", scaled(1e6f)},
      {"squares overflow", scaled(1e25f)},
      {"huge", make([](std::size_t i) { return i % 2 == 0 ? 3e38f : -3e38f; })},
      {"the largest float", make([](std::size_t i) {
         const float largest = std::numeric_limits<float>::max();
         return i % 2 == 0 ? largest : -largest;
       })},
      {"one huge", make([&](std::size_t i) { return i == 40 ? 3e38f : noise[i]; })},
      {"huge and tiny", make([](std::size_t i) { return i % 3 == 0 ? 1e30f : 1e-30f; })},
  };
}

std::vector<NamedValues> hostile_importances(std::size_t cols) {
  const std::vector<float> noise = gaussian(cols, 1.0f, 2);
  const auto make = [&](auto f) { return filled(cols, f); };
  return {
      {"none", {}},
      {"ones", std::vector<float>(cols, 1.0f)},
      {"spread", make([&](std::size_t i) { return std::exp(2 * noise[i]); })},
      {"every other zero", make([](std::size_t i) { return i % 2 == 0 ? 0.0f : 1.0f; })},
      {"one block zero", make([](std::size_t i) { return i % 256 < 32 ? 0.0f : 1.0f; })},
      {"zeros", std::vector<float>(cols, 0.0f)},
      {"one huge", make([](std::size_t i) { return i == 40 ? 1e30f : 1.0f; })},
      {"all huge", std::vector<float>(cols, 3e38f)},
      {"all tiny", std::vector<float>(cols, 1e-38f)},
      {"subnormal", std::vector<float>(cols, 1e-42f)},
  };
}

std::string codec_label(const quant::Codec* codec) {
  std::string label(codec->name);
  for (char& c : label) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return label;
}

}  // namespace test
