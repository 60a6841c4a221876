// Headers replaced in place, and taken back.
#include "surgery/header_edit.h"

#include "gguf/layout.h"
#include "gguf/writer.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class HeaderEdit : public testing::Test {
 protected:
  HeaderEdit() {
    gguf::Metadata m;
    m.set("general.architecture", std::string("none"));
    m.set("long", std::string(300, 'x'));
    gguf::Writer writer(path_, m, plans_);
    std::vector<std::byte> data(20000 * 4, std::byte{0x3f});
    writer.write(0, 0, data);
    writer.write(1, 0, std::span(data).first(64));
    writer.finish();
    original_ = test::read_bytes(path_);
  }

  gguf::File file() const { return gguf::File::open(path_); }
  /// With `long` set to n letters.
  gguf::Metadata with(std::size_t n) const {
    gguf::Metadata m = file().metadata();
    m.set("long", std::string(n, 'y'));
    return m;
  }
  std::optional<surgery::NewHeader> header(std::size_t n, bool grow = false) const {
    return surgery::header_for(file(), with(n), plans_, grow);
  }
  void edit(std::size_t n, bool grow = false, bool undo = true) const {
    surgery::write_header(file(), *header(n, grow), undo);
  }
  /// Everything but the header is as it was, and the file is read as told.
  void expect_data(std::size_t n) const {
    const gguf::FileSet set = gguf::FileSet::open(path_);
    EXPECT_EQ(set.metadata().string("long")->size(), n);
    EXPECT_TRUE(set.findings().empty());
    const auto bytes = set.view(set.tensors()[0]).bytes;
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0x3f}; }));
  }
  fs::path undo_file() const { return surgery::undo_path(path_); }

  const test::TempDir dir_;
  const fs::path path_ = dir_ / "m.gguf";
  const std::vector<gguf::TensorPlan> plans_ = {{"a", quant::find_codec("f32"), {{20000, 1, 1, 1}}},
                                                {"b", quant::find_codec("f32"), {{16, 1, 1, 1}}}};
  std::vector<std::byte> original_;
};

TEST_F(HeaderEdit, SameLengthIsReplacedAndTakenBack) {
  edit(300);
  expect_data(300);
  EXPECT_FALSE(file().metadata().has(gguf::kRoomKey));
  EXPECT_EQ(fs::file_size(path_), original_.size());
  EXPECT_NE(test::read_bytes(path_), original_);
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(path_), original_);
  EXPECT_FALSE(fs::exists(undo_file()));
}

TEST_F(HeaderEdit, AnyShorterLengthLeavesTheDataWhereItIs) {
  for (std::size_t n = 299; n > 200; n -= n > 260 ? 3 : 17) {
    const auto h = header(n);
    ASSERT_TRUE(h) << n;
    EXPECT_EQ(h->bytes.size(), file().data_start());
    edit(n, false, false);
    expect_data(n);
  }
  // The room that was left takes a longer value again.
  edit(300, false, false);
  expect_data(300);
  EXPECT_FALSE(file().metadata().has(gguf::kRoomKey));
}

TEST_F(HeaderEdit, LongerDoesNotFit) {
  EXPECT_FALSE(header(400));
  EXPECT_TRUE(header(300));
}

TEST_F(HeaderEdit, EditsAreTakenBackOneByOne) {
  edit(290);
  const auto second = test::read_bytes(path_);
  edit(200);
  edit(120);
  EXPECT_EQ(surgery::undo_state(path_)->n_edits, 3u);
  surgery::undo_last(path_);
  expect_data(200);
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(path_), second);
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(path_), original_);
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }),
              HasSubstr("there is nothing to undo"));
}

TEST_F(HeaderEdit, GrowingPushesTheDataBackByWholeBlocks) {
  try {
    edit(9000, true);
  } catch (const base::Error& e) {
    ASSERT_EQ(e.fault(), base::Fault::unsupported);
    EXPECT_FALSE(surgery::undo_state(path_));
    EXPECT_EQ(test::read_bytes(path_), original_);
    GTEST_SKIP() << "the file system of " << dir_.path() << " cannot shift data";
  }
  expect_data(9000);
  EXPECT_EQ((fs::file_size(path_) - original_.size()) % 4096, 0u);
  edit(200);
  expect_data(200);
  surgery::undo_last(path_);
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(path_), original_);
}

TEST_F(HeaderEdit, WithoutUndoNoRecordStays) {
  edit(200, false, false);
  EXPECT_FALSE(fs::exists(undo_file()));
}

TEST_F(HeaderEdit, AFileThatChangedSinceIsNotTouched) {
  edit(200);
  auto bytes = test::read_bytes(path_);
  bytes[100] ^= std::byte{1};
  test::write_bytes(path_, bytes);
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }),
              HasSubstr("the file has changed since the edit"));
  bytes.push_back(std::byte{0});
  test::write_bytes(path_, bytes);
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }), HasSubstr("another size"));
  EXPECT_EQ(test::read_bytes(path_), bytes);
}

/// Two edits at a time: the header of the second comes from what is no longer so.
TEST_F(HeaderEdit, AFileThatAnotherEditChangedIsNotTouched) {
  const gguf::File read = file();
  const auto mine = surgery::header_for(read, with(250), plans_, false);
  edit(200);
  const auto bytes = test::read_bytes(path_);
  EXPECT_THAT(test::error_text([&] { surgery::write_header(read, *mine, true); }),
              HasSubstr("the file has changed since it was read"));
  EXPECT_EQ(test::read_bytes(path_), bytes);
  EXPECT_EQ(surgery::undo_state(path_)->n_edits, 1u);
  // Pushed back, as --grow does: the old place of the data would be in the middle of it.
  auto grown = original_;
  grown.insert(grown.begin() + static_cast<std::ptrdiff_t>(read.data_start()), 4096, std::byte{0});
  test::write_bytes(path_, grown);
  EXPECT_THAT(test::error_text([&] { surgery::write_header(read, *mine, true); }),
              HasSubstr("the file has changed since it was read"));
  EXPECT_EQ(test::read_bytes(path_), grown);
}

TEST_F(HeaderEdit, AnEditThatIsNotFinishedComesBack) {
  const gguf::File read = file();
  const auto mine = surgery::header_for(read, with(250), plans_, false);
  {
    surgery::HeaderSwap swap({&read, 1}, {{0, &*mine}});
    swap.write();
    EXPECT_NE(test::read_bytes(path_), original_);
    EXPECT_TRUE(surgery::undo_state(path_)->broke_off);
    EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }),
                HasSubstr("is being edited by another process"));
  }
  EXPECT_EQ(test::read_bytes(path_), original_);
  EXPECT_FALSE(fs::exists(undo_file()));
}

/// Another file took the place of one whose edit broke off.
TEST_F(HeaderEdit, WhatIsNeitherOldNorNewIsNotTakenBack) {
  edit(200);
  auto record = test::read_bytes(undo_file());
  record[8] = std::byte{0};
  test::write_bytes(undo_file(), record);
  auto bytes = original_;
  bytes[150] ^= std::byte{0x55};
  test::write_bytes(path_, bytes);
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }),
              HasSubstr("the file has changed since the edit"));
  EXPECT_EQ(test::read_bytes(path_), bytes);
}

/// A crash between the record and the end of writing: state 0 in the record, any mixture in front.
TEST_F(HeaderEdit, AnEditThatBrokeOffIsTakenBackFirst) {
  edit(200);
  auto record = test::read_bytes(undo_file());
  record[8] = std::byte{0};
  test::write_bytes(undo_file(), record);
  auto bytes = test::read_bytes(path_);
  std::copy(original_.begin() + 150, original_.begin() + 400, bytes.begin() + 150);
  test::write_bytes(path_, bytes);
  EXPECT_TRUE(surgery::undo_state(path_)->broke_off);
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(path_), original_);
}

TEST_F(HeaderEdit, NoEditOnTopOfOneThatBrokeOff) {
  edit(290);
  auto record = test::read_bytes(undo_file());
  record[8] = std::byte{0};
  test::write_bytes(undo_file(), record);
  EXPECT_THAT(test::error_text([&] { edit(280); }),
              HasSubstr("an earlier edit of this file broke"));
}

TEST_F(HeaderEdit, DamagedUndoFilesAreRefused) {
  edit(290);
  const auto record = test::read_bytes(undo_file());
  for (const std::size_t size : {std::size_t{3}, record.size() - 1, record.size() / 2}) {
    test::write_bytes(undo_file(), std::span(record).first(size));
    EXPECT_THROW(surgery::undo_last(path_), base::Error) << size;
  }
  auto wrong = record;
  wrong[0] ^= std::byte{1};
  test::write_bytes(undo_file(), wrong);
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path_); }),
              HasSubstr("not an undo file of quern edit"));
}

}  // namespace
