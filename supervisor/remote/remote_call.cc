#include "supervisor/remote/remote_call.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/status_mark.h"

namespace warren {
namespace {

constexpr size_t kMaxLogged = 512;

// What gRPC, or something between, says without the remote Warren, whose name here is `who`.
// Of its text only what is for the operator to mend is told apart.
absl::Status OfTheConnection(const std::string& who, grpc::StatusCode code,
                             absl::string_view text) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
      return absl::CancelledError(absl::StrCat("the call to ", who, " was cancelled"));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          absl::StrCat(who, " did not answer within the call's deadline"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(absl::StrCat(who, " does not offer this call"));
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return absl::ResourceExhaustedError(
          absl::StrCat("a message to or from ", who, " is larger than gRPC lets through"));
    default:
      if (absl::StrContains(text, "certificate verify failed") ||
          absl::StrContains(text, "is not in peer certificate")) {
        return absl::UnavailableError(
            absl::StrCat("the TLS certificate of ", who, " was not accepted"));
      }
      if (absl::StrContains(text, "Ssl handshake failed"))
        return absl::UnavailableError(absl::StrCat("no TLS connection to ", who, " came about"));
      return absl::UnavailableError(
          absl::StrCat(who, " cannot be reached, or the connection to it broke during the call"));
  }
}

}  // namespace

absl::Status FromGrpc(const RemoteStubs& stubs, const grpc::ClientContext& context,
                      const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string who = absl::StrCat("the remote Warren \"", stubs.name, "\"");
  if (context.GetServerTrailingMetadata().count(kStatusMark) > 0) {
    // It is this server's key that is meant, not its client's.
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      spdlog::error("event=remote_key_refused backend={}", stubs.name);
      return absl::UnavailableError(
          absl::StrCat(who, " refuses this server's API key: the operator has to look at it"));
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  spdlog::debug("event=remote_failed backend={} code={} error=\"{}\"", stubs.name,
                static_cast<int>(status.error_code()),
                absl::CEscape(absl::string_view(status.error_message()).substr(0, kMaxLogged)));
  return OfTheConnection(who, status.error_code(), status.error_message());
}

}  // namespace warren
