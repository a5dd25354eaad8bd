#include "runtime/agent/file_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace warren {
namespace {

constexpr size_t kMaxNamesFile = 64 << 10;
constexpr size_t kMaxName = 256;
// As the contract lets a client set, with room for what others have set.
constexpr size_t kMaxAttributes = 64;
constexpr size_t kMaxAttributeBytes = 16 << 10;
constexpr absl::string_view kUserAttribute = "user.";

using List = std::function<ssize_t(char*, size_t)>;
using Get = std::function<ssize_t(const char*, char*, size_t)>;

// Beyond the bounds they are left out.
void FillAttributesBy(const List& list, const Get& get, internal::FileFacts* facts) {
  const ssize_t needed = list(nullptr, 0);
  if (needed <= 0) return;
  if (static_cast<size_t>(needed) > kMaxAttributeBytes) return facts->set_attributes_cut(true);
  std::string names(static_cast<size_t>(needed), '\0');
  const ssize_t size = list(names.data(), names.size());
  if (size <= 0) return;
  names.resize(static_cast<size_t>(size));
  std::string value(kMaxAttributeBytes, '\0');
  size_t total = 0;
  for (absl::string_view name : absl::StrSplit(names, '\0', absl::SkipEmpty())) {
    if (!absl::StartsWith(name, kUserAttribute)) continue;
    const std::string key(name);
    const ssize_t bytes = get(key.c_str(), value.data(), value.size());
    if (bytes < 0 && errno != ERANGE) continue;
    total += key.size() + static_cast<size_t>(bytes);
    if (bytes < 0 || total > kMaxAttributeBytes ||
        static_cast<size_t>(facts->attributes_size()) >= kMaxAttributes) {
      return facts->set_attributes_cut(true);
    }
    (*facts->mutable_attributes())[key] = value.substr(0, static_cast<size_t>(bytes));
  }
}

// Named in the current directory.
void FillAttributesOfName(const std::string& name, internal::FileFacts* facts) {
  FillAttributesBy([&](char* out, size_t size) { return ::llistxattr(name.c_str(), out, size); },
                   [&](const char* key, char* out, size_t size) {
                     return ::lgetxattr(name.c_str(), key, out, size);
                   },
                   facts);
}

bool HasAttributes(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

}  // namespace

OwnerNames::OwnerNames(const FileRoot& root)
    : owners_(Read(root, "/etc/passwd")), groups_(Read(root, "/etc/group")) {}

OwnerNames::Names OwnerNames::Read(const FileRoot& root, const std::string& path) {
  Names names;
  UniqueFd file;
  struct stat info;
  if (!OpenRegular(root, path, O_RDONLY, &file, &info).ok()) return names;
  std::string text(std::min(kMaxNamesFile, static_cast<size_t>(info.st_size)), '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return names;
  text.resize(static_cast<size_t>(size));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 3));
    uint32_t id = 0;
    if (fields.size() < 3 || fields[0].empty() || fields[0].size() > kMaxName ||
        !absl::SimpleAtoi(fields[2], &id)) {
      continue;
    }
    names.try_emplace(id, fields[0]);
  }
  return names;
}

std::string OwnerNames::NameOf(const Names& names, uint32_t id) {
  auto found = names.find(id);
  return found == names.end() ? std::to_string(id) : found->second;
}

void FillFacts(const struct stat& info, const OwnerNames& names, internal::FileFacts* facts) {
  facts->set_mode(info.st_mode);
  facts->set_size(static_cast<uint64_t>(info.st_size));
  facts->set_uid(info.st_uid);
  facts->set_gid(info.st_gid);
  // A file can say that it was changed in any year that 64 bits of seconds have.
  constexpr int64_t kNanos = 1'000'000'000;
  const int64_t seconds = std::max(INT64_MIN / kNanos + 1,
                                   std::min<int64_t>(info.st_mtim.tv_sec, INT64_MAX / kNanos - 1));
  facts->set_modified_ns(seconds * kNanos + info.st_mtim.tv_nsec);
  facts->set_owner(names.Owner(info.st_uid));
  facts->set_group(names.Group(info.st_gid));
}

void FillAttributes(int file, internal::FileFacts* facts) {
  FillAttributesBy(
      [&](char* out, size_t size) { return ::flistxattr(file, out, size); },
      [&](const char* key, char* out, size_t size) { return ::fgetxattr(file, key, out, size); },
      facts);
}

CurrentDirectory::CurrentDirectory(int directory) : entered_(::fchdir(directory) == 0) {}

bool FillEntry(int directory, const std::string& name, const OwnerNames& names,
               const CurrentDirectory& current, internal::FileFacts* facts) {
  struct stat info;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  FillFacts(info, names, facts);
  if (S_ISLNK(info.st_mode)) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(directory, name.c_str(), target, sizeof(target) - 1);
    if (size > 0) facts->set_symlink_target(target, static_cast<size_t>(size));
  }
  if (current.entered() && HasAttributes(info.st_mode)) FillAttributesOfName(name, facts);
  return true;
}

FileResult DescribePlace(const FileRoot& root, const FilePlace& place, Links links,
                         internal::FileFacts* facts) {
  const OwnerNames names(root);
  FilePlace followed;
  const FilePlace* at = &place;
  if (links == Links::kFollow) {
    // The same place once more, for a descriptor of its own.
    FileResult found = FindPlace(root, place.path, Parents::kThere, &followed);
    if (found.ok()) found = FollowPlace(root, Parents::kThere, &followed);
    if (!found.ok()) return found;
    at = &followed;
  }
  facts->set_path(place.path);
  const CurrentDirectory current(at->directory.get());
  if (!FillEntry(at->directory.get(), at->name, names, current, facts))
    return FileFailed(errno, "look at it");
  return {};
}

}  // namespace warren
