#ifndef WARREN_RUNTIME_PACKAGES_REQUIREMENT_H_
#define WARREN_RUNTIME_PACKAGES_REQUIREMENT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

inline constexpr size_t kMaxRequirementBytes = 1024;
inline constexpr size_t kMaxRequirements = 256;
// Of one requirement, beside its kMaxRequirementBytes: a package has as many as it has files.
inline constexpr size_t kMaxRequirementHashes = 256;
inline constexpr size_t kMaxRequirementsFileBytes = 256 << 10;

// One requirement of a client's, as far as Warren looks at it; the rest is pip's to understand, in
// a sandbox.
struct Requirement {
  // Normalized.
  std::string name;
  // One line, as pip takes it: normalized name, extras, versions, marker; then its hashes. No more
  // than that: printable ASCII, nothing that pip takes for an option, a path, a URL, a comment, a
  // variable or the next line's beginning. Parsed again it is the same.
  std::string text;
  // It has --hash.
  bool hashed = false;
};

// "httpx[http2]>=0.27; python_version >= '3.9'", and "--hash=ALGORITHM:HEX" behind it, any number
// of times. INVALID_ARGUMENT says what is wrong with it, and quotes it: a URL ("name @ https://…"),
// a path, an option. At most
// kMaxRequirementBytes without the hashes.
absl::StatusOr<Requirement> ParseRequirement(absl::string_view line);

// A requirements.txt or constraints.txt: comments, empty lines, and lines that go on ("\" at their
// end). INVALID_ARGUMENT: "line 3: …"; options ("-r other.txt", "--index-url …", "-e .") are
// refused by name. At most kMaxRequirements, and kMaxRequirementsFileBytes.
absl::StatusOr<std::vector<Requirement>> ParseRequirementsFile(absl::string_view text);

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_REQUIREMENT_H_
