#include "supervisor/e2b/envd/connect_call.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "google/protobuf/util/json_util.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"

namespace warren {
namespace {

HttpRequest UnaryRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                         const EnvdCall& call, const google::protobuf::Message& message) {
  HttpRequest request = EnvdRequest(options, sandbox, "POST", call.path, call.user);
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Connect-Protocol-Version", "1");
  request.body = ToEnvdJson(message);
  if (call.wait == EnvdCall::Wait::kUnbounded) {
    // It would hold up what is answered at once.
    request.lane = HttpLane::kStream;
    request.timeout = std::chrono::milliseconds(0);
  }
  if (call.deadline == absl::InfiniteFuture()) return request;
  const std::chrono::milliseconds left(
      std::max<int64_t>(1, absl::ToInt64Milliseconds(call.deadline - absl::Now())));
  if (request.timeout.count() == 0 || left < request.timeout) request.timeout = left;
  return request;
}

}  // namespace

std::string ToEnvdJson(const google::protobuf::Message& message) {
  std::string text;
  // Fails for messages that JSON has no form for, which none of envd's is.
  const auto ignored = google::protobuf::util::MessageToJsonString(message, &text);
  (void)ignored;
  return text;
}

absl::Status FromEnvdJson(absl::string_view json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &message, options);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InternalError("the sandbox's answer is not the message that was asked for");
}

void AskEnvd(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, const EnvdCall& call,
             const google::protobuf::Message& request,
             absl::AnyInvocable<void(absl::StatusOr<std::string>)> told) {
  HttpRequest http = UnaryRequest(cloud->options(), *sandbox, call, request);
  Cloud& asked = *cloud;
  asked.Ask(std::move(http), call.again,
            [cloud = std::move(cloud), sandbox = std::move(sandbox),
             told = std::move(told)](absl::StatusOr<HttpAnswer> answer) mutable {
              absl::Status status = answer.ok() ? ConnectStatus(*answer) : answer.status();
              if (status.ok()) return told(std::move(answer->body));
              cloud->Explain(std::move(sandbox), std::move(status),
                             [told = std::move(told)](absl::Status explained) mutable {
                               told(std::move(explained));
                             });
            });
}

}  // namespace warren
