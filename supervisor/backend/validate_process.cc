#include "supervisor/backend/validate_process.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "supervisor/backend/validate_fields.h"

namespace warren {
namespace {

constexpr size_t kMaxUser = 64;
constexpr size_t kMaxInputBytes = 1 << 20;
constexpr int32_t kMaxTerminalSide = 65535;
constexpr int32_t kMaxSignal = 64;
const DurationRange kProcessTimeout{absl::Milliseconds(1), absl::Hours(24),
                                    absl::InfiniteDuration()};

absl::Status CheckCommand(const warren::v1::StartProcessRequest& request) {
  if (request.arguments().empty()) {
    return absl::InvalidArgumentError("arguments is empty; the program is the first of them");
  }
  if (request.arguments(0).empty())
    return absl::InvalidArgumentError("arguments: the program, their first, is empty");
  return CheckArguments(request.arguments());
}

absl::Status CheckTerminal(absl::string_view field, const warren::v1::Terminal& terminal) {
  for (int32_t side : {terminal.rows(), terminal.columns()}) {
    if (side < 0 || side > kMaxTerminalSide) {
      return absl::InvalidArgumentError(absl::StrCat(field, " has a side of ", side,
                                                     "; it must be from 0 to ", kMaxTerminalSide));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateStartProcess(warren::v1::StartProcessRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckCommand(request));
  WARREN_RETURN_IF_ERROR(ValidateEnv(request.env()));
  WARREN_RETURN_IF_ERROR(CheckWorkingDirectory(*request.mutable_working_directory()));
  if (request.has_timeout())
    WARREN_RETURN_IF_ERROR(CheckDuration("timeout", request.timeout(), kProcessTimeout));
  WARREN_RETURN_IF_ERROR(CheckTerminal("terminal", request.terminal()));
  if (request.user().size() > kMaxUser) {
    return absl::InvalidArgumentError(absl::StrCat("user has ", request.user().size(),
                                                   " bytes; at most ", kMaxUser, " are allowed"));
  }
  if (request.max_output_bytes() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("max_output_bytes is ",
                                                   request.max_output_bytes(),
                                                   "; it must be positive, or 0 for no bound"));
  }
  WARREN_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  WARREN_RETURN_IF_ERROR(CheckOnDisconnect(request.on_disconnect()));
  if (!warren::v1::OnExit_IsValid(request.on_exit())) {
    return absl::InvalidArgumentError(
        absl::StrCat("on_exit is ", request.on_exit(), ", which this server does not know"));
  }
  if (request.on_disconnect() == warren::v1::ON_DISCONNECT_UNSPECIFIED)
    request.set_on_disconnect(warren::v1::ON_DISCONNECT_CONTINUE);
  return absl::OkStatus();
}

absl::Status ValidateConnectProcess(const warren::v1::ConnectProcessRequest& request) {
  if (request.after_output_bytes() < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "after_output_bytes is ", request.after_output_bytes(), "; it must not be negative"));
  }
  if (request.has_after_output_bytes() && request.new_output_only()) {
    return absl::InvalidArgumentError(
        "after_output_bytes and new_output_only are both set; name one of them");
  }
  return CheckOnDisconnect(request.on_disconnect());
}

absl::Status ValidateWriteInput(const warren::v1::WriteProcessInputRequest& request) {
  if (request.data().size() <= kMaxInputBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("data has ", request.data().size(),
                                                 " bytes; at most ", kMaxInputBytes,
                                                 " are allowed: send it in parts"));
}

absl::Status ValidateResize(const warren::v1::ResizeTerminalRequest& request) {
  if (!request.has_size()) return absl::InvalidArgumentError("size is missing");
  return CheckTerminal("size", request.size());
}

absl::Status ValidateSignal(const warren::v1::SignalProcessRequest& request) {
  if (request.signal() >= 1 && request.signal() <= kMaxSignal) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("signal is ", request.signal(), "; it must be from 1 to ", kMaxSignal));
}

}  // namespace warren
