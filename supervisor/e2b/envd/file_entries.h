#ifndef WARREN_SUPERVISOR_E2B_ENVD_FILE_ENTRIES_H_
#define WARREN_SUPERVISOR_E2B_ENVD_FILE_ENTRIES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/e2b/filesystem.pb.h"
#include "warren/v1/file.pb.h"

// Between Warren's messages about files and envd's, seen from its client: pure.
namespace warren {

// INTERNAL: it has no absolute path.
absl::StatusOr<v1::FileEntry> ToFileEntry(const e2b::EntryInfo& info);
// Of a watch of `directory`.
v1::FileEvent ToFileEvent(const e2b::FilesystemEvent& event, absl::string_view directory);
// INVALID_ARGUMENT: it is not UTF-8, as the cloud wants it.
absl::StatusOr<std::string> EnvdFilePath(const std::string& path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_FILE_ENTRIES_H_
