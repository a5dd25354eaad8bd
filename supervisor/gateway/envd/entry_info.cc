#include "supervisor/gateway/envd/entry_info.h"

#include <utility>

#include "absl/strings/strip.h"
#include "supervisor/base/text.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {
namespace {

constexpr uint32_t kPermissionBits = 0777;
// A chain that is longer is told as a link.
constexpr int kMaxLinks = 8;
// A byte that is no UTF-8 becomes three.
constexpr size_t kMaxMetadataText = 3 * (16 << 10);

e2b::FileType FileTypeOf(v1::FileEntry::Type type) {
  switch (type) {
    case v1::FileEntry::REGULAR:
      return e2b::FILE_TYPE_FILE;
    case v1::FileEntry::DIRECTORY:
      return e2b::FILE_TYPE_DIRECTORY;
    case v1::FileEntry::SYMLINK:
      return e2b::FILE_TYPE_SYMLINK;
    default:
      return e2b::FILE_TYPE_UNSPECIFIED;
  }
}

std::string SpecialBits(v1::FileEntry::Type type, uint32_t mode) {
  std::string bits;
  if (type == v1::FileEntry::DIRECTORY) bits += 'd';
  if (type == v1::FileEntry::SYMLINK) bits += 'L';
  if (type == v1::FileEntry::OTHER) bits += '?';
  if ((mode & 04000) != 0) bits += 'u';
  if ((mode & 02000) != 0) bits += 'g';
  if ((mode & 01000) != 0) bits += 't';
  return bits.empty() ? "-" : bits;
}

Async<absl::StatusOr<v1::FileEntry>> AskForEntry(std::shared_ptr<SandboxHandle> handle,
                                                 v1::StatFileRequest request) {
  co_return co_await Ask<v1::FileEntry>(
      [&](auto reply) { handle->StatFile(Call(), request, std::move(reply)); });
}

}  // namespace

std::string GoFileMode(v1::FileEntry::Type type, uint32_t mode) {
  constexpr absl::string_view kLetters = "rwxrwxrwx";
  std::string text = SpecialBits(type, mode);
  for (size_t i = 0; i < kLetters.size(); ++i)
    text += (mode & (0400u >> i)) != 0 ? kLetters[i] : '-';
  return text;
}

e2b::EntryInfo ToEntryInfo(const v1::FileEntry& entry) {
  e2b::EntryInfo info;
  info.set_name(PathText(PathName(entry.path())));
  info.set_type(FileTypeOf(entry.type()));
  info.set_path(PathText(entry.path()));
  info.set_size(entry.size_bytes());
  info.set_mode(entry.mode() & kPermissionBits);
  info.set_permissions(GoFileMode(entry.type(), entry.mode()));
  info.set_owner(entry.owner());
  info.set_group(entry.group());
  *info.mutable_modified_time() = entry.modified_at();
  if (entry.type() == v1::FileEntry::SYMLINK)
    info.set_symlink_target(PathText(CleanPath(PathBeside(entry.path(), entry.symlink_target()))));
  for (const auto& [name, value] : entry.attributes()) {
    absl::string_view key = name;
    if (absl::ConsumePrefix(&key, kMetadataAttribute) && !key.empty())
      (*info.mutable_metadata())[std::string(key)] = ToValidUtf8(value, kMaxMetadataText);
  }
  return info;
}

Async<e2b::EntryInfo> Describe(std::shared_ptr<SandboxHandle> handle, std::string user,
                               v1::FileEntry entry) {
  e2b::EntryInfo info = ToEntryInfo(entry);
  for (int links = 0; entry.type() == v1::FileEntry::SYMLINK && links < kMaxLinks; ++links) {
    // Not cleaned: ".." behind a link is its target's parent, as the kernel says.
    std::string path = PathBeside(entry.path(), entry.symlink_target());
    auto target = co_await StatEntry(handle, user, std::move(path));
    if (!target.ok()) break;
    entry = *std::move(target);
    info.set_symlink_target(PathText(CleanPath(entry.path())));
    if (entry.type() == v1::FileEntry::SYMLINK) continue;
    info.set_type(FileTypeOf(entry.type()));
    info.set_mode(entry.mode() & kPermissionBits);
  }
  co_return info;
}

Async<absl::StatusOr<v1::FileEntry>> StatEntry(std::shared_ptr<SandboxHandle> handle,
                                               std::string user, std::string path) {
  v1::StatFileRequest request;
  request.set_user(std::move(user));
  request.set_path(std::move(path));
  co_return co_await AskForEntry(std::move(handle), std::move(request));
}

Async<absl::StatusOr<v1::FileEntry>> StatTarget(std::shared_ptr<SandboxHandle> handle,
                                                std::string user, std::string path) {
  v1::StatFileRequest request;
  request.set_user(std::move(user));
  request.set_path(std::move(path));
  request.set_follow(true);
  co_return co_await AskForEntry(std::move(handle), std::move(request));
}

}  // namespace warren
