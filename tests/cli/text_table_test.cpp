#include "cli/text_table.h"

#include <gtest/gtest.h>

namespace {

cli::TextTable table() {
  cli::TextTable t("lrl");
  t.add({"key", "n", "value"});
  t.add({"a", "12", "one two three four five six"});
  t.add({"b\xc4\xa0", "3", "x"});
  return t;
}

TEST(TextTable, WideTerminalsAndFilesGetOneLineARow) {
  const std::string want =
      "  key   n  value\n"
      "  a    12  one two three four five six\n"
      "  b\xc4\xa0    3  x\n";
  EXPECT_EQ(table().text(2, 0), want);
  EXPECT_EQ(table().text(2, 38), want);
  EXPECT_EQ(table().text(2, 20), want) << "too narrow to break";
}

TEST(TextTable, NarrowTerminalsBreakTheLastColumnBelowItsStart) {
  EXPECT_EQ(table().text(2, 30),
            "  key   n  value\n"
            "  a    12  one two three four\n"
            "           five six\n"
            "  b\xc4\xa0    3  x\n");
}

TEST(TextTable, ColumnsThatMayLackGoFirst) {
  cli::TextTable t = table();
  t.may_lack({1, 0});
  EXPECT_EQ(t.text(2, 34),
            "  key  value\n"
            "  a    one two three four five six\n"
            "  b\xc4\xa0   x\n");
  EXPECT_EQ(t.text(2, 30),
            "  value\n"
            "  one two three four five six\n"
            "  x\n");
  EXPECT_EQ(t.text(2, 0), table().text(2, 0));
}

TEST(TextTable, ARightLastColumnStaysAligned) {
  cli::TextTable t("lr");
  t.add({"a", "1"});
  t.add({"bb", "100"});
  EXPECT_EQ(t.text(0, 80), "a     1\nbb  100\n");
}

TEST(TextTable, CellsThatLackAreEmpty) {
  cli::TextTable t("lrl");
  t.add({"a", "1", "x"});
  t.add({"bb"});
  t.add({});
  EXPECT_EQ(t.text(0, 80), "a   1  x\nbb\n\n");
}

TEST(TextTable, TextIsBrokenByCharacters) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(cli::wrapped("\xc4\xa0\xc4\xa0 ab", 5), Lines{"\xc4\xa0\xc4\xa0 ab"});
  EXPECT_EQ(cli::wrapped("one\ntwo three", 5), (Lines{"one", "two", "three"}));
  EXPECT_EQ(cli::wrapped("", 5), Lines{""});
  EXPECT_EQ(cli::wrapped("immoderate a", 5), (Lines{"immoderate", "a"}));
}

TEST(TextTable, ListsOfTensorsAreBrokenBetweenNames) {
  const std::vector<std::string> names = {"blk.0.a", "blk.1.a", "blk.2.a"};
  EXPECT_EQ(cli::names_text("dropped", names, 0), "dropped 3 tensors: blk.0.a blk.1.a blk.2.a\n");
  EXPECT_EQ(cli::names_text("dropped", names, 30),
            "dropped 3 tensors: blk.0.a\n"
            "  blk.1.a blk.2.a\n");
  EXPECT_EQ(cli::names_text("added", {"a"}, 0), "added 1 tensor: a\n");
  EXPECT_EQ(cli::names_text("added", std::vector<std::string>(9, "a"), 0),
            "added 9 tensors: a a a a a a a a ...\n");
  EXPECT_EQ(cli::names_text("added", {}, 0), "");
}

}  // namespace
