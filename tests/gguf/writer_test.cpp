#include "gguf/writer.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "gguf/file.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using gguf::Array;
using gguf::Metadata;
using gguf::TensorPlan;
namespace fs = std::filesystem;

const quant::Codec* codec(std::string_view name) { return quant::find_codec(name); }

Metadata every_value_type() {
  Metadata m;
  m.set("general.architecture", std::string("test"));
  m.set("u8", std::uint8_t{255});
  m.set("i8", std::int8_t{-128});
  m.set("u16", std::uint16_t{65535});
  m.set("i16", std::int16_t{-32768});
  m.set("u32", ~std::uint32_t{0});
  m.set("i32", std::int32_t{-7});
  m.set("f32", 0.1f);
  m.set("true", true);
  m.set("false", false);
  m.set("empty string", std::string());
  m.set("bytes", std::string("\xff\x00\xfe", 3));
  m.set("u64", ~std::uint64_t{0});
  m.set("i64", std::int64_t{-1} << 62);
  m.set("f64", 0.1);
  const std::int32_t ints[] = {-1, 2};
  const float floats[] = {1.5f};
  m.set("ints", Array::of_i32(ints));
  m.set("floats", Array::of_f32(floats));
  m.set("strings", Array::of_strings({"", "a", std::string(300, 'x')}));
  m.set("empty array", Array::of_strings({}));
  Array bools;
  bools.type = gguf::ValueType::boolean;
  bools.fixed = {std::byte{1}, std::byte{0}};
  m.set("bools", bools);
  return m;
}

std::size_t files_in(const test::TempDir& dir) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()));
}

TEST(GgufWriter, EveryValueTypeComesBack) {
  const test::TempDir dir;
  const Metadata m = every_value_type();
  gguf::Writer writer(dir / "m.gguf", m, {});
  writer.finish();
  EXPECT_EQ(gguf::File::open(dir / "m.gguf").metadata().pairs(), m.pairs());
  EXPECT_EQ(fs::file_size(dir / "m.gguf"), gguf::file_size(m, {}));
}

TEST(GgufWriter, CanonicalLayout) {
  const test::TempDir dir;
  Metadata m;
  m.set("general.alignment", std::uint32_t{64});
  m.set("k", std::uint32_t{9});
  const std::vector<TensorPlan> plan = {{"a", codec("f32"), {{3, 1, 1, 1}}},
                                        {"b", codec("q8_0"), {{32, 1, 2, 1}}}};
  gguf::Writer writer(dir / "m.gguf", m, plan);
  test::Bytes expected;
  expected.header(2, 1).pair_u32("k", 9).info("a", {3}, 0, 0).info("b", {32, 1, 2}, 8, 32).pad();
  const std::size_t data = expected.size();
  expected.f32(1).f32(2).f32(3).pad();
  for (int i = 0; i < 68; ++i) expected.u8(7);
  expected.pad();
  writer.write(1, 0, std::span(expected.data()).subspan(data + 32, 68));
  writer.write(0, 4, std::span(expected.data()).subspan(data + 4, 8));
  writer.write(0, 0, std::span(expected.data()).subspan(data, 4));
  writer.finish();
  EXPECT_EQ(test::read_bytes(dir / "m.gguf"), expected.data());
  EXPECT_EQ(gguf::file_size(m, plan), expected.size());
  EXPECT_EQ(writer.size(), expected.size());
}

TEST(GgufWriter, WithoutTensorsTheHeaderIsPaddedAsWell) {
  const test::TempDir dir;
  Metadata m;
  m.set("k", std::uint32_t{9});
  gguf::Writer(dir / "m.gguf", m, {}).finish();
  test::Bytes expected;
  expected.header(0, 1).pair_u32("k", 9).pad();
  EXPECT_EQ(expected.size(), 64U);
  EXPECT_EQ(test::read_bytes(dir / "m.gguf"), expected.data());
  EXPECT_TRUE(gguf::File::open(dir / "m.gguf").findings().empty());
}

TEST(GgufWriter, RepositoryModelIsRewrittenByteForByte) {
  const test::TempDir dir;
  const auto path = test::source_path("data/tiny-mla-bf16.gguf");
  const gguf::FileSet set = gguf::FileSet::open(path);
  std::vector<TensorPlan> plan;
  for (const auto& t : set.tensors()) plan.push_back({t.name, t.codec, t.shape});
  gguf::Writer writer(dir / "m.gguf", set.metadata(), plan);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t i = thread; i < plan.size(); i += 3) {
        writer.write(i, 0, set.view(set.tensors()[i]).bytes);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  writer.finish();
  EXPECT_EQ(test::read_bytes(dir / "m.gguf"), test::read_bytes(path));
}

TEST(GgufWriter, NothingUnderTheFinalNameBeforeFinish) {
  const test::TempDir dir;
  {
    gguf::Writer writer(dir / "m.gguf", {}, {{"a", codec("f32"), {{3, 1, 1, 1}}}});
    EXPECT_FALSE(fs::exists(dir / "m.gguf"));
    EXPECT_TRUE(fs::exists(writer.temporary_path()));
    EXPECT_EQ(writer.temporary_path().filename().string().rfind("m.gguf.unfinished-", 0), 0u);
  }
  EXPECT_EQ(files_in(dir), 0u);
}

TEST(GgufWriter, AnOlderFileStaysUntilFinish) {
  const test::TempDir dir;
  test::write_bytes(dir / "m.gguf", {});
  { const gguf::Writer writer(dir / "m.gguf", {}, {}); }
  EXPECT_EQ(fs::file_size(dir / "m.gguf"), 0u);
  gguf::Writer writer(dir / "m.gguf", {}, {});
  writer.finish();
  EXPECT_EQ(fs::file_size(dir / "m.gguf"), 32u);
}

TEST(GgufWriter, KillLeavesOnlyTheTemporaryFile) {
  const test::TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    const gguf::Writer writer(dir / "m.gguf", {}, {{"a", codec("f32"), {{3, 1, 1, 1}}}});
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(files_in(dir), 1u);
  EXPECT_EQ(fs::directory_iterator(dir.path())->path().filename().string(),
            "m.gguf.unfinished-" + std::to_string(child));
}

TEST(GgufWriter, NewFileHasTheUsualPermissions) {
  const test::TempDir dir;
  const mode_t before = ::umask(022);
  gguf::Writer writer(dir / "m.gguf", {}, {});
  writer.finish();
  ::umask(before);
  EXPECT_EQ(fs::status(dir / "m.gguf").permissions(), fs::perms{0644});
}

/// The message with the folder cut out.
std::string refusal(const test::TempDir& dir, const Metadata& m,
                    const std::vector<TensorPlan>& plan, const std::string& name = "m.gguf") {
  std::string text = test::error_text([&] { gguf::Writer(dir / name, m, plan).finish(); });
  const std::string folder = dir.path().string() + "/";
  for (std::size_t at; (at = text.find(folder)) != std::string::npos;)
    text.erase(at, folder.size());
  return text;
}

TEST(GgufWriter, RefusesWhatNoReaderAccepts) {
  const test::TempDir dir;
  const tensor::Shape two{{2, 1, 1, 1}};
  EXPECT_EQ(refusal(dir, {}, {{std::string(64, 'n'), codec("f32"), two}}),
            "tensor name cannot be written (found: \"" + std::string(64, 'n') +
                "\" (64 bytes), expected: 1 to 63 bytes without NUL, file: m.gguf)");
  EXPECT_EQ(refusal(dir, {}, {{"", codec("f32"), two}}),
            "tensor name cannot be written (found: \"\" (0 bytes), expected: 1 to 63 bytes without "
            "NUL, file: m.gguf)");
  EXPECT_EQ(refusal(dir, {}, {{"t", codec("f32"), two}, {"t", codec("f32"), two}}),
            "tensor name appears twice (tensor: t, file: m.gguf)");
  EXPECT_EQ(refusal(dir, {}, {{"t", codec("q8_0"), {{31, 1, 1, 1}}}}),
            "row length does not fill the blocks of its type (type: q8_0, found: 31, expected: a "
            "multiple of 32, shape: {31}, tensor: t, file: m.gguf)");
  EXPECT_EQ(refusal(dir, Metadata({{"k", true}, {"k", true}}), {}),
            "metadata key appears twice (key: k, file: m.gguf)");
  EXPECT_EQ(refusal(dir, Metadata({{"", true}}), {}),
            "metadata key cannot be written (found: \"\" (0 bytes), expected: 1 to 65535 bytes "
            "without NUL, file: m.gguf)");
  Array nested;
  nested.type = gguf::ValueType::arr;
  EXPECT_EQ(refusal(dir, Metadata({{"k", nested}}), {}),
            "array of arrays cannot be written (key: k, file: m.gguf)");
  EXPECT_EQ(files_in(dir), 0u);
}

TEST(GgufWriter, RefusesToFinishWithHoles) {
  const test::TempDir dir;
  EXPECT_EQ(refusal(dir, {}, {{"t", codec("f32"), {{2, 1, 1, 1}}}}),
            "tensor was not written whole (file: m.gguf, tensor: t, found: 0 bytes, expected: 8 "
            "bytes)");
  EXPECT_EQ(files_in(dir), 0u);
}

TEST(GgufWriter, RefusesDevicesAndFolders) {
  EXPECT_EQ(test::error_text([] { gguf::Writer("/dev/null", {}, {}); }),
            "output is not a regular file (file: /dev/null, found: a device or pipe, expected: a "
            "file name)");
  EXPECT_EQ(test::error_text([] { gguf::Writer("/tmp", {}, {}); }),
            "output is not a regular file (file: /tmp, found: a folder, expected: a file name)");
}

TEST(GgufWriter, FolderMissing) {
  EXPECT_EQ(test::error_text([] { gguf::Writer("/nonexistent/m.gguf", {}, {}); }),
            "cannot create file: No such file or directory (file: /nonexistent/m.gguf); does the "
            "folder exist and allow writing?");
}

TEST(GgufWriter, NotEnoughRoomIsKnownBeforeTheWork) {
  const test::TempDir dir;
  const std::string text =
      refusal(dir, {}, {{"t", codec("f32"), {{std::uint64_t{1} << 45, 1, 1, 1}}}});
  // 128 TiB: some file systems do not even allow such a file.
  EXPECT_TRUE(text.rfind("not enough room on the file system (file: m.gguf, found: ", 0) == 0 ||
              text == "cannot reserve room for file: File too large (file: m.gguf)")
      << text;
  EXPECT_EQ(files_in(dir), 0u);
}

}  // namespace
