#include "runtime/network/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace warren {
namespace {

constexpr size_t kMostQuoted = 64;
constexpr absl::string_view kCut = "...";
constexpr size_t kMostOfName = 64;
// Who a name belongs to is at its end.
constexpr size_t kBegin = 20;
constexpr size_t kEnd = kMostOfName - kBegin - kCut.size();

}  // namespace

std::string Quoted(absl::string_view text) {
  const absl::string_view tail = text.size() > kMostQuoted ? kCut : "";
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMostQuoted)), tail, "\"");
}

std::string Shortened(absl::string_view name) {
  if (name.size() <= kMostOfName) return std::string(name);
  return absl::StrCat(name.substr(0, kBegin), kCut, name.substr(name.size() - kEnd));
}

}  // namespace warren
