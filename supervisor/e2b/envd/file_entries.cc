#include "supervisor/e2b/envd/file_entries.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxCloudPath = 4095;
constexpr int kMaxAttributes = 64;
constexpr uint32_t kModeBits = 07777;
constexpr char kAttributePrefix[] = "user.e2b.";

v1::FileEntry::Type TypeOf(e2b::FileType type) {
  switch (type) {
    case e2b::FILE_TYPE_FILE:
      return v1::FileEntry::REGULAR;
    case e2b::FILE_TYPE_DIRECTORY:
      return v1::FileEntry::DIRECTORY;
    case e2b::FILE_TYPE_SYMLINK:
      return v1::FileEntry::SYMLINK;
    default:
      return v1::FileEntry::OTHER;
  }
}

v1::FileEvent::Kind KindOfEvent(e2b::EventType type) {
  switch (type) {
    case e2b::EVENT_TYPE_CREATE:
      return v1::FileEvent::CREATED;
    case e2b::EVENT_TYPE_WRITE:
      return v1::FileEvent::WRITTEN;
    case e2b::EVENT_TYPE_REMOVE:
    // envd tells of the old name alone; the new one is a CREATE.
    case e2b::EVENT_TYPE_RENAME:
      return v1::FileEvent::REMOVED;
    case e2b::EVENT_TYPE_CHMOD:
      return v1::FileEvent::ATTRIBUTES;
    default:
      return v1::FileEvent::OVERFLOW;
  }
}

}  // namespace

absl::StatusOr<v1::FileEntry> ToFileEntry(const e2b::EntryInfo& info) {
  if (!absl::StartsWith(info.path(), "/") || info.path().size() > kMaxCloudPath)
    return absl::InternalError("the sandbox's word on a file names none");
  v1::FileEntry entry;
  entry.set_path(info.path());
  // A link is told as what it leads to, with where that is.
  entry.set_type(info.has_symlink_target() ? v1::FileEntry::SYMLINK : TypeOf(info.type()));
  entry.set_size_bytes(std::max<int64_t>(info.size(), 0));
  entry.set_mode(info.mode() & kModeBits);
  *entry.mutable_modified_at() = info.modified_time();
  if (info.has_symlink_target()) entry.set_symlink_target(info.symlink_target());
  entry.set_owner(info.owner());
  entry.set_group(info.group());
  for (const auto& [name, value] : info.metadata()) {
    if (entry.attributes_size() >= kMaxAttributes) {
      entry.set_attributes_cut(true);
      break;
    }
    (*entry.mutable_attributes())[absl::StrCat(kAttributePrefix, name)] = value;
  }
  return entry;
}

v1::FileEvent ToFileEvent(const e2b::FilesystemEvent& event, absl::string_view directory) {
  v1::FileEvent told;
  told.set_kind(KindOfEvent(event.type()));
  told.set_path(absl::StrCat(directory, directory == "/" ? "" : "/", event.name()));
  return told;
}

absl::StatusOr<std::string> EnvdFilePath(const std::string& path) {
  if (IsValidUtf8(path)) return path;
  return absl::InvalidArgumentError("path is not UTF-8, as a backend that is E2B's cloud wants it");
}

}  // namespace warren
