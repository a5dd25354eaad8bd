#include "supervisor/backend/validate_package.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "supervisor/backend/validate_fields.h"

namespace warren {
namespace {

constexpr int kMaxRequirements = 256;
constexpr size_t kMaxRequirement = 1024;
constexpr size_t kMaxFile = 256 << 10;
const DurationRange kUnusedFor{absl::ZeroDuration(), absl::Hours(24) * 366, absl::ZeroDuration()};

bool IsBlank(absl::string_view text) { return absl::StripAsciiWhitespace(text).empty(); }

absl::Status CheckText(absl::string_view field, absl::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " has ", text.size(), " bytes; at most ", max_bytes, " are allowed"));
  }
  if (text.find('\0') != absl::string_view::npos)
    return absl::InvalidArgumentError(absl::StrCat(field, " contains a NUL byte"));
  return absl::OkStatus();
}

absl::Status CheckRequirements(const warren::v1::PackageRequirements& what) {
  const auto& requirements = what.requirements();
  if (requirements.size() > kMaxRequirements) {
    return absl::InvalidArgumentError(absl::StrCat("what.requirements has ", requirements.size(),
                                                   " entries; at most ", kMaxRequirements,
                                                   " are allowed: send more as requirements_file"));
  }
  for (int i = 0; i < requirements.size(); ++i) {
    const std::string field = absl::StrCat("what.requirements[", i, "]");
    if (IsBlank(requirements[i]))
      return absl::InvalidArgumentError(absl::StrCat(field, " is empty"));
    WARREN_RETURN_IF_ERROR(CheckText(field, requirements[i], kMaxRequirement));
  }
  WARREN_RETURN_IF_ERROR(CheckText("what.requirements_file", what.requirements_file(), kMaxFile));
  WARREN_RETURN_IF_ERROR(CheckText("what.constraints_file", what.constraints_file(), kMaxFile));
  if (!requirements.empty() || !IsBlank(what.requirements_file())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "what asks for no package: name some in requirements or requirements_file");
}

}  // namespace

absl::Status ValidateInstall(const warren::v1::InstallPackageRequest& request) {
  return CheckRequirements(request.what());
}

absl::Status ValidatePrefetch(const warren::v1::PrefetchPackagesRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckTemplateId(request.template_id()));
  return CheckRequirements(request.what());
}

absl::Status ValidatePrune(const warren::v1::PruneStoredPackagesRequest& request) {
  return CheckDuration("unused_for", request.unused_for(), kUnusedFor);
}

}  // namespace warren
