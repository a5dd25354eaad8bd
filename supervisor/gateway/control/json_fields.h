#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_JSON_FIELDS_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status.h"

namespace warren {

// Fields of a request's JSON object. Each function: unset where the field is missing or null,
// INVALID_ARGUMENT, which names it, where it is of another type.

// The object that a body is; an empty body is an empty object.
absl::StatusOr<nlohmann::json> ParseObject(absl::string_view body);
absl::StatusOr<std::optional<std::string>> TextOf(const nlohmann::json& object, const char* name);
absl::StatusOr<std::optional<bool>> FlagOf(const nlohmann::json& object, const char* name);
// A whole number.
absl::StatusOr<std::optional<int64_t>> NumberOf(const nlohmann::json& object, const char* name);
absl::StatusOr<std::vector<std::string>> TextsOf(const nlohmann::json& object, const char* name);
// Of name to text.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> MapOf(const nlohmann::json& object,
                                                                       const char* name);
// An object, which lives as long as `object`; an empty one where it is missing.
absl::StatusOr<const nlohmann::json*> ObjectOf(const nlohmann::json& object, const char* name);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_JSON_FIELDS_H_
