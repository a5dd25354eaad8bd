#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_ENTRY_INFO_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_ENTRY_INFO_H_

#include <memory>
#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"
#include "warren/e2b/filesystem.pb.h"
#include "warren/v1/file.pb.h"

namespace warren {

// Attributes with this prefix are a file's metadata to E2B's clients.
inline constexpr char kMetadataAttribute[] = "user.e2b.";

// As Go's fs.FileMode prints it: "-rw-r--r--", "drwxr-xr-x", "Lrwxrwxrwx", "dtrwxrwxrwx". A FIFO, a
// socket and a device, which Warren does not tell apart, have "?" in the place of their kind.
std::string GoFileMode(v1::FileEntry::Type type, uint32_t mode);

// The entry as E2B's clients get it. Of a symbolic link it says what is known of the link alone:
// see Describe. A name that is no UTF-8 is told with U+FFFD, as everything in JSON: it cannot be
// asked for by that.
e2b::EntryInfo ToEntryInfo(const v1::FileEntry& entry);

// The same with what a symbolic link leads to, as envd tells it: type and mode are those of the
// target, symlink_target is its path, absolute. Size, owner and permissions are the link's own. A
// link that leads to nothing is FILE_TYPE_SYMLINK, where envd says "unspecified", which the SDKs
// leave out of lists. `handle` is asked as `user`, once for each link on the way.
Async<e2b::EntryInfo> Describe(std::shared_ptr<SandboxHandle> handle, std::string user,
                               v1::FileEntry entry);

// The entry itself: no link is followed.
Async<absl::StatusOr<v1::FileEntry>> StatEntry(std::shared_ptr<SandboxHandle> handle,
                                               std::string user, std::string path);
// What it leads to; its path is the one asked for.
Async<absl::StatusOr<v1::FileEntry>> StatTarget(std::shared_ptr<SandboxHandle> handle,
                                                std::string user, std::string path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_ENTRY_INFO_H_
