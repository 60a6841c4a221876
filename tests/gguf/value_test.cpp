#include "gguf/value.h"

#include <gtest/gtest.h>

#include "support/bytes_builder.h"

namespace {

using gguf::Array;
using gguf::Metadata;
using gguf::Value;

TEST(Metadata, SetReplacesInPlaceOrAppends) {
  Metadata m;
  m.set("a", std::uint32_t{1});
  m.set("b", std::uint32_t{2});
  m.set("a", std::string("x"));
  ASSERT_EQ(m.pairs().size(), 2u);
  EXPECT_EQ(m.pairs()[0].first, "a");
  EXPECT_EQ(m.string("a"), "x");
  EXPECT_TRUE(m.erase("a"));
  EXPECT_FALSE(m.erase("a"));
  EXPECT_FALSE(m.has("a"));
}

TEST(Metadata, AnyIntegerTypeThatFitsIsAnInteger) {
  Metadata m;
  m.set("u8", std::uint8_t{200});
  m.set("i8", std::int8_t{-3});
  m.set("u16", std::uint16_t{60000});
  m.set("i64", std::int64_t{-5});
  m.set("u64", std::uint64_t{1} << 40);
  EXPECT_EQ(m.integer("u8"), 200);
  EXPECT_EQ(m.integer("i8"), -3);
  EXPECT_EQ(m.integer("u16"), 60000);
  EXPECT_EQ(m.integer("i64"), -5);
  EXPECT_EQ(m.integer("u64"), std::int64_t{1} << 40);
  EXPECT_EQ(m.integer("absent"), std::nullopt);
}

TEST(Metadata, FloatsOfBothWidths) {
  Metadata m;
  m.set("f32", 0.5f);
  m.set("f64", 0.25);
  EXPECT_EQ(m.number("f32"), 0.5);
  EXPECT_EQ(m.number("f64"), 0.25);
}

TEST(Metadata, WrongTypeNamesKeyFoundAndExpected) {
  Metadata m;
  m.set("s", std::string("x"));
  m.set("b", true);
  m.set("big", ~std::uint64_t{0});
  EXPECT_EQ(test::error_text([&] { m.integer("s"); }),
            "metadata value has the wrong type (found: str, expected: an integer, key: s)");
  EXPECT_EQ(test::error_text([&] { m.integer("b"); }),
            "metadata value has the wrong type (found: bool, expected: an integer, key: b)");
  EXPECT_EQ(test::error_text([&] { m.number("s"); }),
            "metadata value has the wrong type (found: str, expected: f32 or f64, key: s)");
  EXPECT_EQ(test::error_text([&] { m.boolean("s"); }),
            "metadata value has the wrong type (found: str, expected: bool, key: s)");
  EXPECT_EQ(test::error_text([&] { m.string("b"); }),
            "metadata value has the wrong type (found: bool, expected: str, key: b)");
  EXPECT_EQ(test::error_text([&] { m.array("b"); }),
            "metadata value has the wrong type (found: bool, expected: arr, key: b)");
  EXPECT_EQ(test::error_text([&] { m.integer("big"); }),
            "metadata value is too large (found: 18446744073709551615, expected: at most 2^63 - 1, "
            "key: big)");
}

TEST(Array, ElementsAsIntegersAndNumbers) {
  const std::int32_t ints[] = {-1, 7};
  const float floats[] = {0.5f, -2.0f};
  EXPECT_EQ(Array::of_i32(ints).integer(0), -1);
  EXPECT_EQ(Array::of_i32(ints).size(), 2u);
  EXPECT_EQ(Array::of_f32(floats).number(1), -2.0);
  EXPECT_EQ(test::error_text([&] { Array::of_i32(ints).number(0); }),
            "metadata value has the wrong type (found: array of i32, expected: array of floats)");
  EXPECT_EQ(test::error_text([&] { Array::of_f32(floats).integer(0); }),
            "metadata value has the wrong type (found: array of f32, expected: array of integers)");
}

TEST(ToText, ScalarsStringsAndArrays) {
  EXPECT_EQ(to_text(Value(std::uint8_t{65})), "65");
  EXPECT_EQ(to_text(Value(std::int8_t{-65})), "-65");
  EXPECT_EQ(to_text(Value(true)), "true");
  EXPECT_EQ(to_text(Value(0.1f)), "0.1");
  EXPECT_EQ(to_text(Value(std::string("a\nb\x1b[31m\xff"))), "a\\nb\\x1b[31m\\xff");
  EXPECT_EQ(to_text(Value(std::string("abcdef")), 4), "abcd...");
  EXPECT_EQ(to_text(Value(std::string("\xc3\xa4\xc3\xa4")), 3), "\xc3\xa4...");
  const std::uint32_t items[] = {1, 2, 3};
  EXPECT_EQ(to_text(Value(Array::of_u32(items))), "[1, 2, 3] (3)");
  const std::vector<std::uint32_t> many(100, 12345);
  EXPECT_EQ(to_text(Value(Array::of_u32(many)), 16), "[12345, 12345, ...] (100)");
  EXPECT_EQ(to_text(Value(Array::of_strings({"x", "y"}))), "[\"x\", \"y\"] (2)");
  EXPECT_EQ(to_text(Value(Array::of_strings({}))), "[] (0)");
}

}  // namespace
