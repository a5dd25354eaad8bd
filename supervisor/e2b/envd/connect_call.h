#ifndef WARREN_SUPERVISOR_E2B_ENVD_CONNECT_CALL_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CONNECT_CALL_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "supervisor/e2b/base/cloud.h"

// Calls of envd's by Connect's protocol, with messages in JSON.
namespace warren {

// Bytes are base64, as JSON has them; texts have to be UTF-8.
std::string ToEnvdJson(const google::protobuf::Message& message);
// INTERNAL for what is no such message. Fields that are not known are ignored.
absl::Status FromEnvdJson(absl::string_view json, google::protobuf::Message& message);

// What a unary call is, beside its message.
struct EnvdCall {
  // "/process.Process/List".
  const char* path;
  // "user", "root", or empty for the cloud's default.
  std::string user;
  // kAlways for what changes nothing, or may be done twice.
  HttpAgain again = HttpAgain::kIfNotDone;
  absl::Time deadline = absl::InfiniteFuture();
  // kUnbounded: the sandbox answers when a program of its own has done something.
  enum class Wait { kBounded, kUnbounded };
  Wait wait = Wait::kBounded;
};

// On the loop's thread, as its answer comes, once. What failed because the sandbox is gone or
// paused is told as that (Cloud::Explain).
void AskEnvd(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, const EnvdCall& call,
             const google::protobuf::Message& request,
             absl::AnyInvocable<void(absl::StatusOr<std::string>)> told);

// The same, with its answer's message.
template <class Response>
void AskEnvdFor(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, const EnvdCall& call,
                const google::protobuf::Message& request,
                absl::AnyInvocable<void(absl::StatusOr<Response>)> told) {
  AskEnvd(std::move(cloud), std::move(sandbox), call, request,
          [told = std::move(told)](absl::StatusOr<std::string> body) mutable {
            if (!body.ok()) return told(body.status());
            Response response;
            if (absl::Status status = FromEnvdJson(*body, response); !status.ok())
              return told(std::move(status));
            told(std::move(response));
          });
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CONNECT_CALL_H_
