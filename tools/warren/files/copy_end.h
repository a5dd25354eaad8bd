#ifndef WARREN_TOOLS_WARREN_FILES_COPY_END_H_
#define WARREN_TOOLS_WARREN_FILES_COPY_END_H_

#include <string>

#include "absl/strings/string_view.h"

// The two ends of a copy, and names. Pure functions.
namespace warren {

struct CopyEnd {
  enum class Kind { kLocal, kSandbox, kStandardStream };
  Kind kind = Kind::kLocal;
  std::string sandbox_id;
  std::string path;
};

// "SANDBOX:PATH", where the first colon comes before any slash; "-" for standard input or output;
// else a path of ours ("./a:b" for one with a colon).
CopyEnd ParseCopyEnd(absl::string_view text);

// What comes after the last slash, trailing ones apart; empty for "/" and "".
std::string BaseName(absl::string_view path);
// `name` below `directory`, where "" stays relative.
std::string JoinPath(absl::string_view directory, absl::string_view name);

// `path` relative to `root`, of which a listing said that it is below it: "" for the root itself.
// False for one that is not below it, or has "." or ".." or an empty name in it: a listing comes
// from the sandbox.
bool RelativeTo(absl::string_view root, absl::string_view path, std::string* relative);

// Whether a symbolic link `depth` directories below a root stays within the root: `../` at most so
// often, and only at its beginning, so that no other link on the way can lead it astray.
bool StaysWithin(absl::string_view target, int depth);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_COPY_END_H_
