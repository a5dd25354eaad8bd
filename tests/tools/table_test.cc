#include "tools/warren/table.h"

#include <gtest/gtest.h>

namespace warren {
namespace {

TEST(Table, AlignsByWhatATerminalShows) {
  Table table({"NAME", "X"});
  table.AddRow({"über", "1"});
  table.AddRow({"longer", "2"});
  EXPECT_EQ(table.Render(), "NAME    X\nüber    1\nlonger  2\n");
}

TEST(Table, LeavesOutColumnsWithoutContent) {
  Table table({"A", "REASON", "B"});
  table.AddRow({"1", "", "2"});
  EXPECT_EQ(table.Render(), "A  B\n1  2\n");
}

TEST(Table, HeaderAloneStays) { EXPECT_EQ(Table({"A", "B"}).Render(), "A  B\n"); }

}  // namespace
}  // namespace warren
