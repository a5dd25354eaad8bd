#include "supervisor/api/status.h"

#include "supervisor/base/status_mark.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

// It travels in a header.
constexpr size_t kMaxStatusMessage = 4096;

}  // namespace

grpc::Status ToGrpc(grpc::ServerContextBase& context, const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  context.AddTrailingMetadata(kStatusMark, kStatusMarkValue);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      ToValidUtf8(status.message(), kMaxStatusMessage));
}

}  // namespace warren
