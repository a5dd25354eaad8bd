#ifndef WARREN_SUPERVISOR_PACKAGES_BUILDER_WORD_H_
#define WARREN_SUPERVISOR_PACKAGES_BUILDER_WORD_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// A file of the index's that pip has chosen.
struct ResolvedFile {
  // Normalized, and as the file's name has it.
  std::string name;
  std::string version;
  // At the package index as sandboxes see it; its last part is the file's name.
  std::string url;
  std::string filename;
  // 64 hex digits.
  std::string sha256;
  // It was asked for, and is not only needed by others.
  bool requested = false;
};

// What a builder says (runtime/builder): a line of JSON, from a sandbox in which a package's own
// code may have run. Everything is bounded and checked here.
struct BuilderProgress {
  std::string text;
};
struct BuilderListens {
  uint16_t port = 0;
};
struct BuilderSent {};
struct BuilderResolved {
  std::vector<ResolvedFile> files;
};
// What distributions need, whatever the extras and markers; normalized names.
struct BuilderRequires {
  std::vector<std::string> names;
};
// What it was asked for cannot be had; the status is for the client.
struct BuilderRefused {
  absl::Status why;
};
using BuilderWord = std::variant<BuilderProgress, BuilderListens, BuilderSent, BuilderResolved,
                                 BuilderRequires, BuilderRefused>;

inline constexpr size_t kMaxBuilderLine = 4 << 20;
inline constexpr size_t kMaxResolvedFiles = 512;
inline constexpr size_t kMaxRequiredNames = 1024;
// A file of the index's as sandboxes see it.
bool IsIndexFileUrl(absl::string_view url);
// 64 hex digits.
bool IsArchiveDigest(absl::string_view text);

// INTERNAL: it is no such word.
absl::StatusOr<BuilderWord> ParseBuilderWord(absl::string_view line);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_BUILDER_WORD_H_
