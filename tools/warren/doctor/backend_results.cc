#include "tools/warren/doctor/backend_results.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/terminal_text.h"

namespace warren::doctor {
namespace {

constexpr char kBackendRemedy[] =
    "see what it says; `warren config check` looks at its settings, and the server's log has the "
    "details";

Finding FindBackend(const v1::BackendStatus& status) {
  if (!status.problem().empty()) return Warn(Safe(status.problem()));
  if (!status.has_latency()) return Ok("answers");
  return Ok(absl::StrCat(
      "answers in ",
      absl::FormatDuration(absl::Trunc(ToDuration(status.latency()), absl::Microseconds(100)))));
}

}  // namespace

std::vector<Result> BackendResults(const v1::ListBackendsResponse& response) {
  std::vector<Result> results;
  for (const v1::BackendStatus& status : response.backends()) {
    const std::string kind = absl::AsciiStrToLower(v1::BackendStatus::Kind_Name(status.kind()));
    results.push_back({{absl::StrCat("backend ", Safe(status.name())),
                        absl::StrCat("backend ", Safe(status.name()), " (", kind, ") answers"),
                        kBackendRemedy, nullptr},
                       FindBackend(status)});
  }
  return results;
}

}  // namespace warren::doctor
