#include "supervisor/gateway/envd/filesystem_path.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr char kUserHome[] = "/home/user";
constexpr char kRootHome[] = "/root";
// Of a path as text; a byte that is replaced becomes three.
constexpr size_t kMaxPathText = 3 * 4096;

absl::string_view WithoutTrailingSlashes(absl::string_view path) {
  while (path.size() > 1 && absl::EndsWith(path, "/")) path.remove_suffix(1);
  return path;
}

}  // namespace

absl::StatusOr<std::string> EnvdPath(absl::string_view path, absl::string_view user) {
  const absl::string_view home = user == "root" ? kRootHome : kUserHome;
  if (absl::StartsWith(path, "/")) return std::string(path);
  if (absl::StartsWith(path, "~")) {
    path.remove_prefix(1);
    if (!path.empty() && path[0] != '/') {
      return absl::InvalidArgumentError(
          "the path begins with another user's home, which is not looked up: name it absolutely, "
          "or begin with ./~");
    }
  }
  return CleanPath(absl::StrCat(home, "/", path));
}

std::string CleanPath(absl::string_view path) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return absl::StrCat("/", absl::StrJoin(parts, "/"));
}

absl::string_view PathName(absl::string_view path) {
  path = WithoutTrailingSlashes(path);
  if (path == "/") return path;
  return path.substr(path.rfind('/') + 1);
}

std::string PathParent(absl::string_view path) {
  path = WithoutTrailingSlashes(path);
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == absl::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

std::string PathBeside(absl::string_view path, absl::string_view relative) {
  if (absl::StartsWith(relative, "/")) return std::string(relative);
  const std::string parent = PathParent(path);
  return absl::StrCat(parent == "/" ? "" : parent, "/", relative);
}

std::string PathText(absl::string_view path) { return ToValidUtf8(path, kMaxPathText); }

}  // namespace warren
