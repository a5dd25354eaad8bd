#ifndef WARREN_SUPERVISOR_E2B_BASE_JSON_H_
#define WARREN_SUPERVISOR_E2B_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

// JSON of the cloud's, which is a stranger's: nothing here throws. Pure.
namespace warren {

// Of arrays and objects within each other.
inline constexpr size_t kMaxCloudJsonDepth = 64;
// The points of a large chart are some hundred thousand. A value takes many times the bytes that
// say it.
inline constexpr size_t kMaxCloudJsonValues = 500'000;

// INTERNAL: it is none, is nested deeper, has more values, or something behind it. `what` says
// whose it is: "the cloud's list of sandboxes". Lone surrogates come as U+FFFD.
absl::StatusOr<nlohmann::json> ParseCloudJson(absl::string_view text, absl::string_view what);

// The field of an object, or nothing where there is none or it is of another type. Texts come as
// valid UTF-8 of at most `max_bytes`.
std::string TextField(const nlohmann::json& object, const char* name, size_t max_bytes = 4096);
int64_t NumberField(const nlohmann::json& object, const char* name, int64_t otherwise = 0);
double FractionField(const nlohmann::json& object, const char* name);
// Null where there is none.
const nlohmann::json* ObjectField(const nlohmann::json& object, const char* name);

// One line of it: what is not UTF-8 in its texts is replaced.
std::string JsonText(const nlohmann::json& json);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_JSON_H_
