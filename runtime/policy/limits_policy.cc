#include "runtime/policy/limits_policy.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/policy/text_proto.h"

namespace warren {
namespace {

using google::protobuf::FieldDescriptor;

// Every limit is an int32 or int64 field: going through reflection, one that is added later cannot
// be forgotten here.
int64_t Get(const google::protobuf::Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->cpp_type() == FieldDescriptor::CPPTYPE_INT32 ? reflection->GetInt32(message, field)
                                                             : reflection->GetInt64(message, field);
}

void Set(v1::Limits* limits, const FieldDescriptor* field, int64_t value) {
  const auto* reflection = limits->GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    reflection->SetInt32(limits, field, static_cast<int32_t>(value));
  } else {
    reflection->SetInt64(limits, field, value);
  }
}

// Limits whose default may be 0: "as large as the disk" and "no bound".
bool MayDefaultToZero(const FieldDescriptor* field) {
  return field->number() == v1::Limits::kFileSizeBytesFieldNumber ||
         field->number() == v1::Limits::kCpuSecondsFieldNumber;
}

// What the kernel, or Warren, can change while a sandbox lives: its disk is a mount, and the others
// were handed to its processes when they were started.
bool CanChangeLater(const FieldDescriptor* field) {
  switch (field->number()) {
    case v1::Limits::kMemoryBytesFieldNumber:
    case v1::Limits::kCpuMillisFieldNumber:
    case v1::Limits::kPidsFieldNumber:
    case v1::Limits::kOutputBytesFieldNumber:
      return true;
    default:
      return false;
  }
}

absl::Status CheckLimit(const config::LimitsPolicy& policy, const FieldDescriptor* field) {
  int64_t minimum = Get(policy.minimum(), field);
  int64_t value = Get(policy.defaults(), field);
  int64_t maximum = Get(policy.maximum(), field);
  bool default_fits =
      (value == 0 && MayDefaultToZero(field)) || (minimum <= value && value <= maximum);
  if (minimum > 0 && minimum <= maximum && default_fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("limits policy ", policy.name(), ", ", field->name(), ": minimum ", minimum,
                   ", default ", value, ", maximum ", maximum, " are not in this order"));
}

// The template's wish, 0 where it has none or does not speak of this limit.
int64_t TemplateLimit(const config::TemplateRecipe::DefaultLimits& limits,
                      const FieldDescriptor* field) {
  const FieldDescriptor* same = limits.GetDescriptor()->FindFieldByName(field->name());
  return same == nullptr ? 0 : Get(limits, same);
}

absl::Status CheckRange(const config::LimitsPolicy& policy, const FieldDescriptor* field,
                        int64_t value, absl::StatusCode code, absl::string_view who) {
  int64_t minimum = Get(policy.minimum(), field);
  int64_t maximum = Get(policy.maximum(), field);
  if (minimum <= value && value <= maximum) return absl::OkStatus();
  return absl::Status(
      code, absl::StrCat(who, " ", field->name(), " ", value, " is outside ", minimum, " to ",
                         maximum, ", the range of limits policy ", policy.name()));
}

}  // namespace

absl::StatusOr<config::LimitsPolicy> LoadLimitsPolicy(const std::string& path) {
  config::LimitsPolicy policy;
  WARREN_RETURN_IF_ERROR(ReadTextProto(path, policy));
  if (policy.name().empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": has no name"));
  const auto* descriptor = v1::Limits::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    WARREN_RETURN_IF_ERROR(CheckLimit(policy, descriptor->field(i)));
  }
  return policy;
}

absl::StatusOr<v1::Limits> ResolveLimits(
    const config::LimitsPolicy& policy, const v1::Limits& requested,
    const config::TemplateRecipe::DefaultLimits& template_limits) {
  v1::Limits result;
  const auto* descriptor = v1::Limits::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    int64_t value = Get(requested, field);
    if (value != 0) {
      WARREN_RETURN_IF_ERROR(
          CheckRange(policy, field, value, absl::StatusCode::kInvalidArgument, "the requested"));
    } else if ((value = TemplateLimit(template_limits, field)) != 0) {
      WARREN_RETURN_IF_ERROR(CheckRange(policy, field, value, absl::StatusCode::kFailedPrecondition,
                                        "the template's"));
    } else {
      value = Get(policy.defaults(), field);
    }
    Set(&result, field, value);
  }
  if (result.file_size_bytes() == 0) result.set_file_size_bytes(result.disk_bytes());
  return result;
}

absl::StatusOr<v1::Limits> ChangeLimits(const config::LimitsPolicy& policy,
                                        const v1::Limits& current, const v1::Limits& wanted) {
  v1::Limits result = current;
  const auto* descriptor = v1::Limits::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const int64_t value = Get(wanted, field);
    if (value == 0) continue;
    if (!CanChangeLater(field)) {
      return absl::InvalidArgumentError(
          absl::StrCat("limits.", field->name(),
                       " cannot be changed later: leave it unset, or create a sandbox with it"));
    }
    WARREN_RETURN_IF_ERROR(
        CheckRange(policy, field, value, absl::StatusCode::kInvalidArgument, "the requested"));
    Set(&result, field, value);
  }
  return result;
}

}  // namespace warren
