#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_PATH_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_PATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Paths as E2B's clients write them. Text alone: where a path leads is the sandbox's kernel's to
// say, and it leads nowhere but into the sandbox.
namespace warren {

// The absolute path that `path` means to `user`: "" and "~" are the user's home, "~/x" and "x" lie
// in it; an absolute one stays as it is. INVALID_ARGUMENT for the home of another user ("~root").
absl::StatusOr<std::string> EnvdPath(absl::string_view path, absl::string_view user);

// An absolute path without ".", ".." and doubled slashes, as its text says.
std::string CleanPath(absl::string_view path);

// Its last part; "/" of the root.
absl::string_view PathName(absl::string_view path);
// What a relative path beside it, a symbolic link's target, stands for: not cleaned.
std::string PathBeside(absl::string_view path, absl::string_view relative);
// The directory that it is in.
std::string PathParent(absl::string_view path);

// As text of a message: what is no UTF-8 of it is replaced.
std::string PathText(absl::string_view path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_PATH_H_
