#include "supervisor/remote/remote_call.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/status_mark.h"

namespace warren {
namespace {

constexpr size_t kMaxLogged = 512;

// What gRPC, or something between, says without the remote Warren.
absl::Status OfTheConnection(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
      return absl::CancelledError("the call to the remote Warren was cancelled");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(
          "the remote Warren did not answer within the call's deadline");
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError("the remote Warren does not offer this call");
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return absl::ResourceExhaustedError(
          "a message to or from the remote Warren is larger than gRPC lets through");
    default:
      return absl::UnavailableError(
          "the remote Warren cannot be reached, or the connection to it broke during the call");
  }
}

}  // namespace

absl::Status FromGrpc(const grpc::ClientContext& context, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (context.GetServerTrailingMetadata().count(kStatusMark) > 0) {
    // It is this server's key that is meant, not its client's.
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      spdlog::error("event=remote_key_refused");
      return absl::UnavailableError(
          "the remote Warren refuses this server's API key: the operator has to look at it");
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  spdlog::debug("event=remote_failed code={} error=\"{}\"", static_cast<int>(status.error_code()),
                absl::CEscape(absl::string_view(status.error_message()).substr(0, kMaxLogged)));
  return OfTheConnection(status.error_code());
}

}  // namespace warren
