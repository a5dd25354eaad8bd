#include "runtime/store/tree_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "runtime/store/quote.h"

namespace warren {
namespace {

constexpr int kWalkedDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kMadeMode = 0755;

}  // namespace

absl::StatusOr<int> TreeWalk::DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  std::vector<absl::string_view> parts;
  if (slash != absl::string_view::npos) parts = absl::StrSplit(path.substr(0, slash), '/');
  size_t common = 0;
  while (common < levels_.size() && common < parts.size() &&
         levels_[common].name == parts[common]) {
    ++common;
  }
  levels_.erase(levels_.begin() + static_cast<std::ptrdiff_t>(common), levels_.end());
  for (size_t i = common; i < parts.size(); ++i) {
    const int directory = levels_.empty() ? root_ : levels_.back().fd.get();
    std::string name(parts[i]);
    WARREN_ASSIGN_OR_RETURN(UniqueFd entered, Enter(directory, name));
    levels_.push_back({std::move(name), std::move(entered)});
  }
  return levels_.empty() ? root_ : levels_.back().fd.get();
}

absl::StatusOr<UniqueFd> TreeWalk::Enter(int directory, const std::string& name) {
  UniqueFd entered(::openat(directory, name.c_str(), kWalkedDirectory));
  if (!entered.valid() && errno == ENOENT && missing_ == Missing::kMake) {
    if (::mkdirat(directory, name.c_str(), kMadeMode) != 0)
      return Errno(absl::StrCat("make the directory ", QuotedPath(name)));
    ++made_;
    entered.reset(::openat(directory, name.c_str(), kWalkedDirectory));
  }
  if (!entered.valid()) return Errno(absl::StrCat("open the directory ", QuotedPath(name)));
  return entered;
}

std::string FileNameOf(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace warren
