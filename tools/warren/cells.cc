#include "tools/warren/cells.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

enum class Line { kSource, kCodeMarker, kTextMarker };

Line Classify(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "#")) return Line::kSource;
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "%%")) return Line::kSource;
  // "#%%timeit" is a commented-out magic, not a marker.
  if (!line.empty() && !absl::ascii_isspace(static_cast<unsigned char>(line.front()))) {
    return Line::kSource;
  }
  bool text = absl::StrContains(line, "[markdown]") || absl::StrContains(line, "[md]") ||
              absl::StrContains(line, "[raw]");
  return text ? Line::kTextMarker : Line::kCodeMarker;
}

}  // namespace

std::vector<std::string> SplitCells(absl::string_view script) {
  std::vector<std::string> cells;
  std::string cell;
  Line kind = Line::kCodeMarker;
  auto finish = [&] {
    bool blank = absl::StripAsciiWhitespace(cell).empty();
    if (kind == Line::kCodeMarker && !blank) cells.push_back(cell);
    cell.clear();
  };
  while (!script.empty()) {
    size_t end = script.find('\n');
    size_t length = end == absl::string_view::npos ? script.size() : end + 1;
    absl::string_view line = script.substr(0, length);
    script.remove_prefix(length);
    Line marker = Classify(line);
    if (marker == Line::kSource) {
      absl::StrAppend(&cell, line);
    } else {
      finish();
      kind = marker;
    }
  }
  finish();
  return cells;
}

}  // namespace warren
