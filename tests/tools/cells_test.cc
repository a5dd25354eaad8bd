#include "tools/warren/cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SplitCells, WithoutMarkerIsOneCell) {
  EXPECT_THAT(SplitCells("a = 1\nprint(a)"), ElementsAre("a = 1\nprint(a)"));
}

TEST(SplitCells, MarkersSeparateAndAreDropped) {
  EXPECT_THAT(SplitCells("import os\n# %% first\na = 1\n#%%\nb = 2\n"),
              ElementsAre("import os\n", "a = 1\n", "b = 2\n"));
}

TEST(SplitCells, TextCellsAndEmptyCellsAreLeftOut) {
  EXPECT_THAT(SplitCells("# %% [markdown]\n# Title\n# %%\n\n# %%\nx\n# %% [raw]\nnot code\n"),
              ElementsAre("x\n"));
}

TEST(SplitCells, MagicsInCommentsAreNoMarkers) {
  EXPECT_THAT(SplitCells("#%%timeit\nx = '# %% no'\n"), ElementsAre("#%%timeit\nx = '# %% no'\n"));
}

TEST(SplitCells, NothingGivesNothing) {
  EXPECT_THAT(SplitCells(""), IsEmpty());
  EXPECT_THAT(SplitCells("# %%\n  \n"), IsEmpty());
}

}  // namespace
}  // namespace warren
