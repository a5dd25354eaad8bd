#include "tools/warren/files/copy_end.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

bool IsPlainName(absl::string_view name) { return !name.empty() && name != "." && name != ".."; }

}  // namespace

CopyEnd ParseCopyEnd(absl::string_view text) {
  if (text == "-") return {CopyEnd::Kind::kStandardStream, "", ""};
  size_t colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0 || text.find('/') < colon) {
    return {CopyEnd::Kind::kLocal, "", std::string(text)};
  }
  return {CopyEnd::Kind::kSandbox, std::string(text.substr(0, colon)),
          std::string(text.substr(colon + 1))};
}

std::string BaseName(absl::string_view path) {
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (directory.empty() || name.empty()) return absl::StrCat(directory, name);
  return absl::StrCat(directory, absl::EndsWith(directory, "/") ? "" : "/", name);
}

bool RelativeTo(absl::string_view root, absl::string_view path, std::string* relative) {
  while (absl::ConsumeSuffix(&root, "/")) {
  }
  if (!absl::ConsumePrefix(&path, root)) return false;
  relative->clear();
  if (path.empty()) return true;
  if (!absl::ConsumePrefix(&path, "/")) return false;
  for (absl::string_view name : absl::StrSplit(path, '/')) {
    if (!IsPlainName(name)) return false;
  }
  *relative = std::string(path);
  return true;
}

bool StaysWithin(absl::string_view target, int depth) {
  if (target.empty() || absl::StartsWith(target, "/")) return false;
  bool going_up = true;
  for (absl::string_view name : absl::StrSplit(target, '/')) {
    if (name == "..") {
      if (!going_up || --depth < 0) return false;
    } else if (!name.empty() && name != ".") {
      going_up = false;
    }
  }
  return true;
}

}  // namespace warren
