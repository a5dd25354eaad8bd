#include "tools/warren/table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// Columns that a terminal needs: bytes that do not continue a UTF-8 sequence.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

}  // namespace

std::string Table::Render() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  std::vector<bool> used(widths.size(), rows_.size() == 1);
  for (size_t i = 0; i < rows_.size(); ++i) {
    for (size_t column = 0; column < widths.size(); ++column) {
      widths[column] = std::max(widths[column], Width(rows_[i][column]));
      if (i > 0 && !rows_[i][column].empty()) used[column] = true;
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t column = 0; column < widths.size(); ++column) {
      if (!used[column]) continue;
      std::string padding(widths[column] - Width(row[column]) + 2, ' ');
      absl::StrAppend(&line, row[column], padding);
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

}  // namespace warren
