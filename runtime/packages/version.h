#ifndef WARREN_RUNTIME_PACKAGES_VERSION_H_
#define WARREN_RUNTIME_PACKAGES_VERSION_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

inline constexpr size_t kMaxVersionBytes = 128;

// A version as PEP 440 has it; compares as that says, the local part too.
class Version {
 public:
  // In any spelling that PEP 440 takes ("v1.0-RC.1"). INVALID_ARGUMENT.
  static absl::StatusOr<Version> Parse(absl::string_view text);

  // Normalized: "1.0rc1".
  std::string Text() const;
  // An alpha, beta, candidate or development release.
  bool IsPrerelease() const;
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }

 private:
  friend class VersionSpecifier;
  uint64_t epoch_ = 0;
  std::vector<uint64_t> release_;
  // "a", "b" or "rc", and its number.
  std::optional<std::pair<std::string, uint64_t>> pre_;
  std::optional<uint64_t> post_;
  std::optional<uint64_t> dev_;
  std::vector<std::string> local_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_VERSION_H_
