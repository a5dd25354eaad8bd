#include "supervisor/e2b/envd/cloud_process.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/may_have_started.h"
#include "supervisor/e2b/envd/connect_call.h"
#include "supervisor/e2b/envd/process_events.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: so long after its time a process that the cloud has not
// ended is killed from here.
constexpr std::chrono::seconds kGuardSlack{5};
// Whether it runs is still heard for so long once its client has gone.
constexpr std::chrono::seconds kUnseenStart{30};
// From the answer to a kill until the next one, twice as long each time up to the second.
constexpr std::chrono::seconds kKillAgain{2};
constexpr std::chrono::seconds kMostKillAgain{30};
constexpr char kStartPath[] = "/process.Process/Start";
constexpr char kConnectPath[] = "/process.Process/Connect";

}  // namespace

CloudProcess::CloudProcess(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox,
                           std::shared_ptr<ProcessSink> sink)
    : cloud_(std::move(cloud)),
      sandbox_(std::move(sandbox)),
      sink_(std::move(sink)),
      use_(sandbox_->use),
      started_at_(MonotonicClock::now()) {}

CloudProcess::~CloudProcess() {
  // Nothing that it waited for is there any more.
  if (sink_ != nullptr) sink_->End(absl::UnavailableError("the backend is being shut down"));
}

void CloudProcess::Start(v1::StartProcessRequest request) {
  on_disconnect_ = request.on_disconnect();
  max_output_bytes_ = request.max_output_bytes();
  terminal_ = request.has_terminal();
  if (request.has_timeout()) {
    timeout_ = std::chrono::milliseconds(absl::ToInt64Milliseconds(
        absl::Ceil(ToDuration(request.timeout()), absl::Milliseconds(1))));
  }
  request.clear_sandbox_id();
  request_id_ = request.request_id();
  if (!request_id_.empty()) {
    auto begun = EnvdStateOf(*sandbox_).requests.Begin(
        request_id_, Fingerprint(request),
        [self = shared_from_this()](const ProcessRequests::First& first) { self->Follow(first); });
    if (!begun.ok()) return End(begun.status());
    if (*begun == ProcessRequests::Begun::kFollows) {
      request_id_.clear();
      return;
    }
  }
  starts_ = true;
  Send(ToEnvdStart(request), kStartPath, request.user());
  ArmGuard();
}

// The same request has come before: its process is connected to.
void CloudProcess::Follow(const ProcessRequests::First& first) {
  if (sink_ == nullptr) return;
  if (!first.status.ok()) return End(first.status);
  if (!first.exited) return Connect(first.pid, on_disconnect_);
  v1::ProcessEvent started;
  started.mutable_started()->set_process_id(CloudProcessId(first.pid));
  started.mutable_started()->set_pid(static_cast<int32_t>(first.pid));
  Push(std::move(started));
  if (first.exited->output_bytes() > 0) {
    v1::ProcessEvent missed;
    missed.mutable_missed()->set_bytes(first.exited->output_bytes());
    Push(std::move(missed));
  }
  output_bytes_ = first.exited->output_bytes();
  Push(*first.exited);
  End(absl::OkStatus());
}

void CloudProcess::Connect(uint32_t pid, v1::OnDisconnect on_disconnect) {
  if (on_disconnect != v1::ON_DISCONNECT_UNSPECIFIED) on_disconnect_ = on_disconnect;
  e2b::ConnectRequest request;
  request.mutable_process()->set_pid(pid);
  Send(request, kConnectPath, "");
}

void CloudProcess::Send(const google::protobuf::Message& message, const char* path,
                        const std::string& user) {
  EnvdStream::Spec spec{path, user};
  spec.timeout = timeout_;
  auto stream = EnvdStream::Start(cloud_, *sandbox_, spec, message, shared_from_this());
  if (sink_ != nullptr) stream_ = stream;
}

// The cloud ends what has had its time; where it does not, this does.
void CloudProcess::ArmGuard() {
  if (timeout_.count() == 0 || sink_ == nullptr) return;
  guard_ = cloud_->loop().AddTimer(
      started_at_ + timeout_ + (cloud_->After(kGuardSlack) - MonotonicClock::now()),
      [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->Kill(StopReason::kTimeout);
      });
}

void CloudProcess::Resume() {
  if (auto stream = stream_.lock()) stream->Resume();
}

void CloudProcess::Cancel() {
  if (sink_ == nullptr) return;
  if (on_disconnect_ == v1::ON_DISCONNECT_CANCEL) return Kill(StopReason::kCancelled);
  LeaveStream();
  End(absl::CancelledError("the client has gone; the process goes on"));
}

void CloudProcess::Detach() {
  if (sink_ == nullptr) return;
  LeaveStream();
  sink_.reset();
  Leave();
}

// One that was asked for is heard until it runs: cut off, its start might not come about, and who
// asks for the same again is told of it.
void CloudProcess::LeaveStream() {
  auto stream = stream_.lock();
  if (stream == nullptr) return;
  if (!starts_ || pid_ != 0) return StopStream();
  AwaitStart();
}

// For a while.
void CloudProcess::AwaitStart() {
  if (unseen_ != 0) return;
  unseen_ = cloud_->loop().AddTimer(cloud_->After(kUnseenStart), [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->pid_ != 0 || self->stream_.expired()) return;
    self->StopStream();
    absl::Status status = absl::UnavailableError(
        "the sandbox did not tell in time whether the process was started, and it was not started "
        "again");
    if (!self->request_id_.empty())
      EnvdStateOf(*self->sandbox_).requests.Lost(self->request_id_, status);
    SetMayHaveStarted(status);
    self->End(std::move(status));
  });
}

void CloudProcess::StopStream() {
  if (auto stream = stream_.lock()) stream->Stop();
  stream_.reset();
}

void CloudProcess::Kill(StopReason why) {
  if (stop_ == StopReason::kNone) stop_ = why;
  if (pid_ == 0) return stream_.expired() ? void() : AwaitStart();
  if (exited_) return;
  if (!std::exchange(killing_, true)) SendKill(kKillAgain);
  // What its client has no room for holds up the end.
  Resume();
}

// Until it has ended: an answer says nothing of that.
void CloudProcess::SendKill(std::chrono::seconds next) {
  e2b::SendSignalRequest request;
  request.mutable_process()->set_pid(pid_);
  request.set_signal(e2b::SIGNAL_SIGKILL);
  EnvdCall call{"/process.Process/SendSignal", ""};
  call.again = HttpAgain::kAlways;
  AskEnvd(cloud_, sandbox_, call, request,
          [weak = weak_from_this(), next](const absl::StatusOr<std::string>& sent) {
            auto self = weak.lock();
            // There is nothing to be killed any more, or nobody who waits for it.
            if (!self || self->sink_ == nullptr || absl::IsNotFound(sent.status())) return;
            self->cloud_->loop().AddTimer(self->cloud_->After(next), [weak, next] {
              auto killing = weak.lock();
              if (!killing || killing->sink_ == nullptr || killing->exited_) return;
              killing->SendKill(std::min(next * 2, kMostKillAgain));
            });
          });
}

absl::StatusOr<Flow> CloudProcess::OnMessage(absl::string_view json) {
  e2b::ProcessEventResponse message;
  if (absl::Status status = FromEnvdJson(json, message); !status.ok()) return status;
  e2b::ProcessEvent& event = *message.mutable_event();
  if (event.has_start()) return OnStarted(event.start().pid());
  if (event.has_data()) return OnOutput(std::move(*event.mutable_data()));
  if (event.has_end()) exited_ = std::move(*event.mutable_end());
  return Flow::kContinue;
}

Flow CloudProcess::OnStarted(uint32_t pid) {
  if (pid_ != 0) return Flow::kContinue;
  pid_ = pid;
  EnvdState& state = EnvdStateOf(*sandbox_);
  KnownCloudProcess& known = state.Know(pid);
  if (starts_) {
    known.input = terminal_ ? KnownCloudProcess::Input::kTerminal : KnownCloudProcess::Input::kPipe;
  }
  if (sink_ != nullptr) ++known.clients;
  if (!request_id_.empty()) state.requests.Started(request_id_, pid);
  if (sink_ == nullptr) {
    // That it runs was all that was left to hear.
    cloud_->loop().CancelTimer(std::exchange(unseen_, 0));
    StopStream();
    return Flow::kContinue;
  }
  v1::ProcessEvent event;
  event.mutable_started()->set_process_id(CloudProcessId(pid));
  event.mutable_started()->set_pid(static_cast<int32_t>(pid));
  const Flow flow = Push(std::move(event));
  // It was asked for before there was anything to be killed.
  if (stop_ != StopReason::kNone) Kill(stop_);
  return flow;
}

Flow CloudProcess::OnOutput(e2b::ProcessEvent::DataEvent data) {
  Flow flow = Flow::kContinue;
  for (v1::ProcessEvent& event : ToOutputEvents(std::move(data))) {
    std::string& bytes = *event.mutable_output()->mutable_data();
    if (max_output_bytes_ > 0) {
      const auto room =
          static_cast<size_t>(std::max<int64_t>(max_output_bytes_ - output_bytes_, 0));
      if (bytes.size() > room) {
        bytes.resize(room);
        if (stop_ == StopReason::kNone) Kill(StopReason::kOutputLimit);
      }
      if (bytes.empty()) continue;
    }
    output_bytes_ += static_cast<int64_t>(bytes.size());
    flow = Push(std::move(event));
  }
  // What was made to end is read to its end.
  return stop_ == StopReason::kNone ? flow : Flow::kContinue;
}

void CloudProcess::OnStreamEnd(EnvdStreamEnd end) {
  stream_.reset();
  if (sink_ == nullptr) return pid_ == 0 ? OnNotStarted(std::move(end)) : void();
  const bool timed_out = absl::IsDeadlineExceeded(end.status) ||
                         (timeout_.count() > 0 && MonotonicClock::now() >= started_at_ + timeout_);
  if (exited_) {
    if (timed_out && !exited_->exited() && stop_ == StopReason::kNone) stop_ = StopReason::kTimeout;
    return Exit(*exited_);
  }
  if (pid_ == 0) return OnNotStarted(std::move(end));
  if (end.how == EnvdStreamEnd::How::kTold && absl::IsDeadlineExceeded(end.status)) {
    if (stop_ == StopReason::kNone) stop_ = StopReason::kTimeout;
    return Exit({});
  }
  OnLost(std::move(end.status));
}

void CloudProcess::OnNotStarted(EnvdStreamEnd end) {
  absl::Status status = CloudStartStatus(end.status);
  if (status.ok()) status = absl::InternalError("the sandbox did not tell that the process runs");
  const bool unknown =
      end.how == EnvdStreamEnd::How::kBroke || end.how == EnvdStreamEnd::How::kStopped;
  if (unknown) {
    status = absl::Status(status.code(), absl::StrCat(status.message(),
                                                      "; whether the process was started is "
                                                      "not known, and it was not started again"));
  }
  cloud_->Explain(sandbox_, std::move(status),
                  [self = shared_from_this(), unknown](absl::Status told) {
                    ProcessRequests& requests = EnvdStateOf(*self->sandbox_).requests;
                    if (!self->request_id_.empty()) {
                      if (unknown) {
                        requests.Lost(self->request_id_, told);
                      } else {
                        requests.Failed(self->request_id_, told);
                      }
                    }
                    if (unknown) SetMayHaveStarted(told);
                    self->End(std::move(told));
                  });
}

void CloudProcess::OnLost(absl::Status status) {
  cloud_->Explain(sandbox_, absl::UnavailableError(status.message()),
                  [self = shared_from_this()](absl::Status told) {
                    if (self->sink_ == nullptr) return;
                    if (absl::IsNotFound(told)) {
                      // It ended with its sandbox, which is a result.
                      if (self->stop_ == StopReason::kNone) self->stop_ = StopReason::kDestroyed;
                      return self->Exit({});
                    }
                    if (absl::IsUnavailable(told)) {
                      told = absl::UnavailableError(absl::StrCat(
                          "the connection to the sandbox broke; process ",
                          CloudProcessId(self->pid_), " may go on: connect to it again"));
                    }
                    self->End(std::move(told));
                  });
}

void CloudProcess::Exit(const e2b::ProcessEvent::EndEvent& end) {
  v1::ProcessEvent event;
  v1::ProcessEvent::Exited& exited = *event.mutable_exited();
  *exited.mutable_termination() = CloudTermination(
      end, stop_, stop_ == StopReason::kOutputLimit ? OutputCut::kYes : OutputCut::kNo);
  v1::Usage& usage = *exited.mutable_usage();
  *usage.mutable_wall() = ToProto(absl::FromChrono(MonotonicClock::now() - started_at_));
  usage.set_output_bytes(output_bytes_);
  usage.set_backend(cloud_->options().name);
  if (!request_id_.empty()) {
    event.set_output_bytes(output_bytes_);
    EnvdStateOf(*sandbox_).requests.Exited(request_id_, event);
  }
  Push(std::move(event));
  End(absl::OkStatus());
}

Flow CloudProcess::Push(v1::ProcessEvent event) {
  event.set_output_bytes(output_bytes_);
  event.set_time_unix_nanos(absl::GetCurrentTimeNanos());
  return sink_ == nullptr ? Flow::kContinue : sink_->Push(std::move(event));
}

void CloudProcess::End(absl::Status status) {
  auto sink = std::exchange(sink_, nullptr);
  if (sink == nullptr) return;
  Leave();
  sink->End(std::move(status));
}

// It has no client any more.
void CloudProcess::Leave() {
  cloud_->loop().CancelTimer(std::exchange(guard_, 0));
  if (pid_ != 0) {
    KnownCloudProcess& known = EnvdStateOf(*sandbox_).Know(pid_);
    known.clients = std::max(known.clients - 1, 0);
  }
  use_.End();
}

}  // namespace warren
