#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_FIELDS_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_FIELDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map.h"
#include "google/protobuf/repeated_field.h"
#include "warren/v1/common.pb.h"

// Fields that several requests have, each checked in one place. INVALID_ARGUMENT names the field,
// its value and its range. Pure; thread-safe.
namespace warren {

using StringMap = google::protobuf::Map<std::string, std::string>;

struct DurationRange {
  absl::Duration minimum;
  absl::Duration maximum;
  // Where the request has none.
  absl::Duration otherwise;
};
absl::Status CheckDuration(absl::string_view field, const google::protobuf::Duration& value,
                           const DurationRange& range);

// An enum of the contract's that a client may leave unspecified.
template <class E>
absl::Status CheckChoice(absl::string_view field, E value, bool (*valid)(int)) {
  if (valid(value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", static_cast<int>(value), ", which is none of its values"));
}

absl::Status CheckOnDisconnect(warren::v1::OnDisconnect value);
absl::Status CheckRequestId(const std::string& request_id);
// Its size; whether there is such a template is the backend's to check.
absl::Status CheckTemplateId(const std::string& template_id);
// Makes it absolute: relative ones are in /home/user, as is an empty one.
absl::Status CheckWorkingDirectory(std::string& directory);
// Of a program: counts, sizes, no NUL.
using Arguments = google::protobuf::RepeatedPtrField<std::string>;
absl::Status CheckArguments(const Arguments& arguments);
// "user", "root", or empty.
absl::Status CheckUser(const std::string& user);
// Environment of a sandbox, a context, a process: counts, names, sizes.
absl::Status ValidateEnv(const StringMap& env);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_FIELDS_H_
