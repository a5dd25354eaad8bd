#include "runtime/relay/name_table.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(NameTableTest, ANameKeepsItsAddress) {
  NameTable table;
  const auto first = table.Assign("a.test");
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_new);
  const auto other = table.Assign("b.test");
  EXPECT_NE(first->index, other->index);
  const auto again = table.Assign("a.test");
  EXPECT_EQ(again->index, first->index);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(*table.Find(first->index), "a.test");
  EXPECT_EQ(table.Find(77), nullptr);
}

TEST(NameTableTest, AddressesAreOfOneBlock) {
  const uint32_t address = NameTable::AddressOf(7);
  EXPECT_EQ(address, 198u << 24 | 18u << 16 | 7u);
  EXPECT_TRUE(NameTable::IsName(address));
  EXPECT_EQ(NameTable::IndexOf(address), 7u);
  EXPECT_TRUE(NameTable::IsName(198u << 24 | 19u << 16 | 0xffff));
  EXPECT_FALSE(NameTable::IsName(198u << 24 | 20u << 16));
  EXPECT_FALSE(NameTable::IsName(198u << 24 | 17u << 16 | 0xffff));
}

TEST(NameTableTest, IsBoundedInNumber) {
  NameTable table;
  for (size_t i = 0; i < NameTable::kMaxNames; ++i)
    ASSERT_TRUE(table.Assign(absl::StrCat(i, ".test"))) << i;
  EXPECT_FALSE(table.Assign("more.test"));
  // What it has, it has.
  EXPECT_TRUE(table.Assign("0.test"));
}

TEST(NameTableTest, IsBoundedInBytes) {
  NameTable table;
  size_t bytes = 0;
  for (int i = 0; bytes + 250 <= NameTable::kMaxNameBytes; ++i) {
    std::string name = absl::StrCat(i, std::string(250, 'x')).substr(0, 250);
    ASSERT_TRUE(table.Assign(name));
    bytes += name.size();
  }
  EXPECT_FALSE(table.Assign(std::string(250, 'y')));
}

TEST(NameTableTest, IsRestored) {
  NameTable table;
  EXPECT_TRUE(table.Restore("a.test", 5).ok());
  EXPECT_EQ(table.Assign("a.test")->index, 5u);
  // Nobody else gets it.
  EXPECT_EQ(table.Assign("b.test")->index, 6u);
}

TEST(NameTableTest, RestoresNoNonsense) {
  NameTable table;
  ASSERT_TRUE(table.Restore("a.test", 5).ok());
  EXPECT_FALSE(table.Restore("a.test", 6).ok());
  EXPECT_FALSE(table.Restore("b.test", 5).ok());
  EXPECT_FALSE(table.Restore("b.test", 0).ok());
  EXPECT_FALSE(table.Restore("b.test", 1u << 17).ok());
}

}  // namespace
}  // namespace warren
