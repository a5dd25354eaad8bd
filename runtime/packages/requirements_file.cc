#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/packages/requirement.h"

namespace warren {
namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsComment(absl::string_view line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#");
}

// A "#" within a word is none.
absl::string_view WithoutComment(absl::string_view line) {
  for (size_t at = line.find('#'); at != absl::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || absl::ascii_isspace(static_cast<unsigned char>(line[at - 1]))) {
      return line.substr(0, at);
    }
  }
  return line;
}

// Lines that were put together as pip does it: one that ends with "\" goes on in the next, but a
// comment of its own does not.
class LogicalLines {
 public:
  explicit LogicalLines(absl::string_view text) : lines_(absl::StrSplit(text, '\n')) {}

  // False at the end. `number` is that of the first of its lines, from 1.
  bool Next(std::string& line, size_t& number) {
    if (next_ == lines_.size()) return false;
    number = next_ + 1;
    line.clear();
    while (next_ < lines_.size()) {
      absl::string_view part = lines_[next_++];
      absl::ConsumeSuffix(&part, "\r");
      const bool comment = IsComment(part);
      const bool goes_on = !comment && absl::EndsWith(part, "\\");
      while (goes_on && absl::ConsumeSuffix(&part, "\\")) {
      }
      // So that it is one, behind whatever it follows.
      absl::StrAppend(&line, comment ? " " : "", part);
      if (!goes_on) break;
    }
    return true;
  }

 private:
  std::vector<absl::string_view> lines_;
  size_t next_ = 0;
};

absl::Status WrongLine(size_t number, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", what));
}

}  // namespace

absl::StatusOr<std::vector<Requirement>> ParseRequirementsFile(absl::string_view text) {
  if (text.size() > kMaxRequirementsFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is longer than ", kMaxRequirementsFileBytes >> 10, " KiB"));
  }
  absl::ConsumePrefix(&text, kByteOrderMark);
  std::vector<Requirement> requirements;
  LogicalLines lines(text);
  std::string line;
  for (size_t number = 0; lines.Next(line, number);) {
    const absl::string_view rest = absl::StripAsciiWhitespace(WithoutComment(line));
    if (rest.empty()) continue;
    if (requirements.size() == kMaxRequirements) {
      return WrongLine(number,
                       absl::StrCat("there are more than ", kMaxRequirements, " requirements"));
    }
    absl::StatusOr<Requirement> requirement = ParseRequirement(rest);
    if (!requirement.ok()) return WrongLine(number, requirement.status().message());
    requirements.push_back(*std::move(requirement));
  }
  return requirements;
}

}  // namespace warren
