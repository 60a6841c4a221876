#include "calibrate/checkpoint.h"

#include "support/support.h"

namespace {

calibrate::Checkpoint sample() {
  calibrate::Checkpoint c;
  c.fingerprint = "model text";
  c.chunks_done = 20;
  c.n = 5100;
  c.nll_sum = 12345.678901234567;
  c.nll_sum_of_squares = 1.0 / 3;
  c.entries["blk.0.attn_q.weight"] = {
      .n_cols = 2, .n_vectors = 2, .sums = {0.1, 1e300, 0, 1e-300}, .counts = {3, 0}};
  return c;
}

TEST(Checkpoint, EveryBitSurvives) {
  const test::TempDir dir;
  calibrate::save_checkpoint(sample(), dir / "c");
  const auto back = calibrate::load_checkpoint(dir / "c");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->fingerprint, "model text");
  EXPECT_EQ(back->chunks_done, 20);
  EXPECT_EQ(back->nll_sum, sample().nll_sum);
  EXPECT_EQ(back->nll_sum_of_squares, 1.0 / 3);
  EXPECT_EQ(back->entries.at("blk.0.attn_q.weight").sums, sample().entries.begin()->second.sums);
  EXPECT_EQ(back->entries.at("blk.0.attn_q.weight").counts, (std::vector<std::int64_t>{3, 0}));
}

TEST(Checkpoint, AbsentFileIsNoCheckpoint) {
  EXPECT_FALSE(calibrate::load_checkpoint("/nowhere/checkpoint"));
}

TEST(Checkpoint, EveryTruncationIsAnErrorThatNamesTheFile) {
  const test::TempDir dir;
  calibrate::save_checkpoint(sample(), dir / "c");
  const auto bytes = test::read_bytes(dir / "c");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    test::write_bytes(dir / "cut", std::span(bytes).first(n));
    try {
      calibrate::load_checkpoint(dir / "cut");
      FAIL() << n;
    } catch (const base::Error& e) {
      const std::string text = e.what();
      EXPECT_NE(text.find("checkpoint is damaged or cut off ("), std::string::npos) << text;
      EXPECT_NE(text.find("file: " + (dir / "cut").string()), std::string::npos) << text;
      EXPECT_NE(text.find(std::to_string(n) + " bytes"), std::string::npos) << text;
      EXPECT_EQ(text.find("json"), std::string::npos) << text;
    }
  }
}

TEST(Checkpoint, EveryFlippedBitIsAnError) {
  const test::TempDir dir;
  calibrate::save_checkpoint(sample(), dir / "c");
  const auto bytes = test::read_bytes(dir / "c");
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 3) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    test::write_bytes(dir / "f", flipped);
    try {
      calibrate::load_checkpoint(dir / "f");
      FAIL() << bit;
    } catch (const base::Error& e) {
      // A flip may make one long string of all, which is no checkpoint at all.
      EXPECT_TRUE(e.message() == "checkpoint is damaged or cut off" ||
                  e.message() == "not a checkpoint of this program")
          << e.message() << " " << bit;
    }
  }
}

TEST(Checkpoint, OtherContentIsNone) {
  const test::TempDir dir;
  test::write_bytes(dir / "c", std::vector<std::byte>(1, std::byte{0xa0}));  // an empty object
  try {
    calibrate::load_checkpoint(dir / "c");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.message(), "not a checkpoint of this program");
  }
}

}  // namespace
