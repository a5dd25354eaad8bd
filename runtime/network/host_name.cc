#include "runtime/network/host_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

constexpr size_t kLongestName = 253;
constexpr size_t kLongestLabel = 63;

bool AllOf(absl::string_view text, bool (*is)(unsigned char)) {
  return std::all_of(text.begin(), text.end(), is);
}

// What the parsers of addresses take for the last number of one: decimal, octal or hexadecimal.
bool IsNumber(absl::string_view label) {
  if (AllOf(label, absl::ascii_isdigit)) return true;
  return absl::StartsWithIgnoreCase(label, "0x") && AllOf(label.substr(2), absl::ascii_isxdigit);
}

bool IsOfLabel(unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

// What is wrong with a label, empty for nothing.
absl::string_view WrongWithLabel(absl::string_view label) {
  if (label.empty()) return "it has an empty label (two dots in a row, or one at its start)";
  if (label.size() > kLongestLabel) return "a label of it is longer than 63 bytes";
  if (!AllOf(label, absl::ascii_isascii)) {
    return "it is not ASCII: write it as its xn-- form (punycode)";
  }
  if (!AllOf(label, IsOfLabel)) {
    return "a label may have letters, digits, \"-\" and \"_\" alone";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> NormalizeHostName(absl::string_view text) {
  auto wrong = [text](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not a host name: ", what));
  };
  absl::string_view name = text;
  // The root's dot: one, and not alone.
  if (absl::EndsWith(name, ".")) name.remove_suffix(1);
  if (name.empty()) return wrong("it is empty");
  if (name.size() > kLongestName) return wrong("it is longer than 253 bytes");
  absl::string_view last;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    const absl::string_view what = WrongWithLabel(label);
    if (!what.empty()) return wrong(what);
    last = label;
  }
  if (IsNumber(last)) return wrong("its last label is a number, as in an address");
  return absl::AsciiStrToLower(name);
}

}  // namespace warren
