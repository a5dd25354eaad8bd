#ifndef WARREN_TOOLS_WARREN_CELLS_H_
#define WARREN_TOOLS_WARREN_CELLS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace warren {

// Splits a script at its `# %%` markers (the percent format of Jupytext, Spyder and VS Code). A
// marker's own line is dropped, a marker of a cell in another language than code (`# %%
// [markdown]`, `# %% [raw]`) drops its cell, and cells of white space alone are left out. A script
// without a marker is one cell.
std::vector<std::string> SplitCells(absl::string_view script);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_CELLS_H_
