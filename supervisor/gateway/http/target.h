#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_TARGET_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_TARGET_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// What a request's target asks for: a path, and the parameters of its query.
struct Target {
  // At most, of each.
  static constexpr size_t kMaxBytes = 16 << 10;
  static constexpr size_t kMaxSegments = 32;
  static constexpr size_t kMaxParameters = 64;

  // The path's parts between slashes, percent-decoded: {"sandboxes", "sb1", "timeout"}. None is
  // empty, "." or "..", and none has a slash or NUL in it.
  std::vector<std::string> segments;
  // In order, names and values decoded as forms encode them ("+" is a blank).
  std::vector<std::pair<std::string, std::string>> query;

  // The first with the name.
  std::optional<std::string> Parameter(absl::string_view name) const;
};

// Of the form "/path?query". INVALID_ARGUMENT for what is no such target, or goes over a bound.
absl::StatusOr<Target> ParseTarget(absl::string_view target);

// "a=b&c=d", decoded; INVALID_ARGUMENT for a "%" that is followed by no two hex digits, and for
// more than Target::kMaxParameters.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseForm(absl::string_view form);

// "%20" → " "; "+" stays. INVALID_ARGUMENT as above.
absl::StatusOr<std::string> PercentDecode(absl::string_view text);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_TARGET_H_
