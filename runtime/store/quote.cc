#include "runtime/store/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace warren {
namespace {

constexpr size_t kMostOfPath = 128;

}  // namespace

std::string QuotedPath(absl::string_view path) {
  const absl::string_view tail = path.size() > kMostOfPath ? "..." : "";
  return absl::StrCat("\"", absl::CHexEscape(path.substr(0, kMostOfPath)), tail, "\"");
}

}  // namespace warren
