#include "supervisor/e2b/envd/cloud_command.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/envd/connect_call.h"
#include "warren/e2b/process.pb.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1.
constexpr std::chrono::seconds kCommandTime{30};
// So long after that it is given up, whatever the sandbox still says.
constexpr std::chrono::seconds kCommandSlack{10};
constexpr size_t kMaxCommandWords = 512;

std::string OneLine(absl::string_view text) {
  std::string line = ToValidUtf8(text, kMaxCommandWords);
  for (char& c : line) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::StripAsciiWhitespace(&line);
  return line;
}

}  // namespace

void CloudCommand::Run(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, const Spec& spec,
                       OnOutcome on_outcome) {
  e2b::StartRequest request;
  request.mutable_process()->set_cmd(spec.arguments[0]);
  for (size_t i = 1; i < spec.arguments.size(); ++i)
    request.mutable_process()->add_args(spec.arguments[i]);
  request.mutable_process()->set_cwd("/");
  request.set_stdin(false);
  EnvdStream::Spec stream{"/process.Process/Start", spec.user};
  stream.timeout = cloud->options().Paced(kCommandTime);
  stream.bound = cloud->options().Paced(kCommandTime + kCommandSlack);
  auto command = std::make_shared<CloudCommand>(cloud, sandbox, std::move(on_outcome));
  EnvdStream::Start(std::move(cloud), *sandbox, stream, request, std::move(command));
}

absl::StatusOr<Flow> CloudCommand::OnMessage(absl::string_view json) {
  e2b::ProcessEventResponse message;
  if (absl::Status status = FromEnvdJson(json, message); !status.ok()) return status;
  const e2b::ProcessEvent& event = message.event();
  if (event.has_data() && outcome_.words.size() < kMaxCommandWords)
    outcome_.words += event.data().stderr().substr(0, kMaxCommandWords - outcome_.words.size());
  if (event.has_end()) {
    ended_ = true;
    outcome_.exit_code = event.end().exited() ? event.end().exit_code() : -1;
  }
  return Flow::kContinue;
}

void CloudCommand::OnStreamEnd(EnvdStreamEnd end) {
  if (ended_) {
    outcome_.words = OneLine(outcome_.words);
    return on_outcome_(std::move(outcome_));
  }
  if (end.status.ok()) end.status = absl::InternalError("the sandbox did not tell how it ended");
  if (end.how == EnvdStreamEnd::How::kStopped) return on_outcome_(std::move(end.status));
  cloud_->Explain(sandbox_, std::move(end.status), std::move(on_outcome_));
}

}  // namespace warren
