#include "supervisor/session/agent_link.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/control/agent_event.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

constexpr size_t kAgentReadBytes = 256 << 10;
// After so much the other sandboxes have their turn.
constexpr size_t kAgentTurnBytes = 1 << 20;
constexpr int kAgentPipeBytes = 256 << 10;
// Kept of what was made for sending, without streams.
constexpr size_t kKeptUnsent = 4 << 10;
constexpr char kAgentLost[] = "the sandbox's agent has ended, and what it did with it; try again";

// Only the IO thread reads, and nothing stays in it between two reads.
char* AgentReadBuffer() {
  thread_local std::array<char, kAgentReadBytes> buffer;
  return buffer.data();
}

}  // namespace

// ---- How one is there -------------------------------------------------------------------------

void AgentLink::Use(UpCallback on_up) {
  switch (state_) {
    case State::kUp:
      return on_up(absl::OkStatus());
    case State::kGone:
      return on_up(absl::FailedPreconditionError(
          absl::StrCat("sandbox ", sandbox_id_, " is ending; create a new one")));
    case State::kStarting:
    case State::kEnding:
      waiters_.push_back(std::move(on_up));
      return;
    case State::kDown:
      waiters_.push_back(std::move(on_up));
      return Start();
  }
}

absl::Status AgentLink::AdmitStart() {
  const MonotonicTime now = MonotonicClock::now();
  while (!starts_.empty() && now - starts_.front() > kStartsWithin) starts_.pop_front();
  if (starts_.size() >= kMaxStarts) {
    return absl::UnavailableError(absl::StrCat("the agent of sandbox ", sandbox_id_, " ended ",
                                               kMaxStarts, " times within ", kStartsWithin.count(),
                                               " s; see what ends it, or try again in a minute"));
  }
  if (!host_.process_descriptors.TryTake(kDescriptors)) {
    return absl::ResourceExhaustedError(
        "the processes of all sandboxes have the descriptors that the server's open files are "
        "enough for: end some, or raise its hard limit (ulimit -Hn)");
  }
  starts_.push_back(now);
  return absl::OkStatus();
}

void AgentLink::Start() {
  if (absl::Status admitted = AdmitStart(); !admitted.ok()) return AnswerWaiters(admitted);
  state_ = State::kStarting;
  internal::LauncherRequest request;
  request.mutable_start_process()->set_sandbox_id(sandbox_id_);
  request.mutable_start_process()->set_kind(internal::StartProcess::AGENT);
  host_.link.Call(std::move(request),
                  [self = shared_from_this()](absl::StatusOr<LauncherMessage> reply) {
                    self->OnReply(std::move(reply));
                  });
}

// In place: what the launcher says next may be that it has ended.
void AgentLink::OnReply(absl::StatusOr<LauncherMessage> reply) {
  if (state_ == State::kGone) return host_.process_descriptors.Return(kDescriptors);
  absl::Status status = reply.ok() ? Take(*std::move(reply)) : reply.status();
  if (!status.ok()) {
    spdlog::warn("event=agent_not_started sandbox={} error=\"{}\"", sandbox_id_,
                 absl::CEscape(status.message()));
    if (state_ == State::kStarting) {
      host_.process_descriptors.Return(kDescriptors);
      state_ = State::kDown;
    }
    return AnswerWaiters(absl::Status(
        absl::IsFailedPrecondition(status) || absl::IsNotFound(status)
            ? absl::StatusCode::kFailedPrecondition
            : absl::StatusCode::kUnavailable,
        absl::StrCat("sandbox ", sandbox_id_, ": its agent was not started: ", status.message())));
  }
  AnswerWaiters(absl::OkStatus());
}

absl::Status AgentLink::Take(LauncherMessage message) {
  if (message.fds.size() < kDescriptors) return absl::InternalError("too few descriptors came");
  process_id_ = message.reply.process_started().process_id();
  requests_ = std::move(message.fds[0]);
  events_ = std::move(message.fds[1]);
  // Refused when the host's allowance for pipes is used up: then they stay as they are.
  ::fcntl(requests_.get(), F_SETPIPE_SZ, kAgentPipeBytes);
  ::fcntl(events_.get(), F_SETPIPE_SZ, kAgentPipeBytes);
  parser_ = std::make_unique<FrameParser>(kMaxAgentEventBytes);
  state_ = State::kUp;
  auto watch = host_.loop.Watch(events_.get(), EPOLLIN,
                                [self = shared_from_this()](uint32_t) { self->OnReadable(); });
  if (!watch.ok()) {
    Lose("its pipe cannot be watched");
    return watch.status();
  }
  events_watch_ = *watch;
  return absl::OkStatus();
}

void AgentLink::AnswerWaiters(const absl::Status& status) {
  for (UpCallback& waiter : std::exchange(waiters_, {})) waiter(status);
}

// ---- What it is told --------------------------------------------------------------------------

absl::Status AgentLink::Admit(size_t bytes) {
  if (state_ != State::kUp) return absl::UnavailableError(kAgentLost);
  if (unsent_.size() + bytes <= kMaxUnsent && unsent_charge_.TryAdd(static_cast<int64_t>(bytes)))
    return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("too much waits for the agent of sandbox ",
                                                   sandbox_id_, " already; try again later"));
}

absl::Status AgentLink::Send(const internal::AgentRequest& request) {
  WARREN_RETURN_IF_ERROR(Admit(kFrameHeaderBytes + request.ByteSizeLong()));
  return Append(request);
}

absl::Status AgentLink::SendData(uint64_t stream_id, absl::string_view data, bool last) {
  WARREN_RETURN_IF_ERROR(Admit(data.size()));
  if (auto stream = streams_.find(stream_id); stream != streams_.end())
    stream->second.untaken += static_cast<int64_t>(data.size());
  Settle(unsent_.WriteData(requests_.get(), internal::AgentRequest::kDataFieldNumber, stream_id,
                           last, data));
  return absl::OkStatus();
}

absl::Status AgentLink::Append(const internal::AgentRequest& request) {
  absl::Status added = unsent_.Add(request);
  // Where it waits already there is no room.
  Settle(requests_watch_ == IoLoop::kNoWatch ? unsent_.Flush(requests_.get()) : absl::OkStatus());
  return added;
}

void AgentLink::SendControl(const internal::AgentRequest& request) {
  if (state_ != State::kUp) return;
  if (unsent_.size() > kMaxUnsent + kControlReserve)
    return PostLose("it does not read what it is told");
  if (!Append(request).ok()) PostLose("it cannot be told");
}

absl::Status AgentLink::StartCommand(internal::StartCommand command,
                                     std::shared_ptr<AgentCommandListener> listener) {
  const uint64_t process_id = command.process_id();
  internal::AgentRequest request;
  *request.mutable_start() = std::move(command);
  WARREN_RETURN_IF_ERROR(Send(request));
  commands_[process_id] = std::move(listener);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> AgentLink::OpenStream(internal::FileCall call,
                                               std::shared_ptr<AgentStreamListener> listener) {
  if (streams_.size() >= kMaxStreams) {
    return absl::ResourceExhaustedError(
        absl::StrCat("sandbox ", sandbox_id_, " has ", kMaxStreams,
                     " files, lists and watches under way; wait for some to end"));
  }
  const uint64_t stream_id = ++last_stream_id_;
  call.set_stream_id(stream_id);
  internal::AgentRequest request;
  *request.mutable_call() = std::move(call);
  WARREN_RETURN_IF_ERROR(Send(request));
  streams_[stream_id] = Stream{std::move(listener), kStreamWindow};
  return stream_id;
}

void AgentLink::GiveCredit(uint64_t stream_id, uint32_t bytes) {
  auto stream = streams_.find(stream_id);
  if (stream == streams_.end() || bytes == 0) return;
  stream->second.credit += bytes;
  internal::AgentRequest request;
  request.mutable_credit()->set_stream_id(stream_id);
  request.mutable_credit()->set_bytes(bytes);
  SendControl(request);
}

void AgentLink::CancelStream(uint64_t stream_id) {
  if (!streams_.contains(stream_id)) return;
  internal::AgentRequest request;
  request.mutable_cancel()->set_stream_id(stream_id);
  SendControl(request);
}

void AgentLink::Settle(const absl::Status& written) {
  if (!written.ok()) return PostLose("it closed its pipe");
  unsent_charge_.Set(static_cast<int64_t>(unsent_.size()));
  if (!unsent_.empty()) return WatchWritable();
  unsent_.Shrink(streams_.empty() ? kKeptUnsent : kMaxStreamData);
  host_.loop.Unwatch(std::exchange(requests_watch_, IoLoop::kNoWatch));
}

void AgentLink::WatchWritable() {
  if (requests_watch_ != IoLoop::kNoWatch) return;
  auto watch = host_.loop.Watch(requests_.get(), EPOLLOUT, [self = shared_from_this()](uint32_t) {
    self->Settle(self->unsent_.Flush(self->requests_.get()));
  });
  if (!watch.ok()) return PostLose("its pipe cannot be watched");
  requests_watch_ = *watch;
}

// ---- What it says -----------------------------------------------------------------------------

void AgentLink::OnReadable() {
  for (size_t i = 0; i < kAgentTurnBytes / kAgentReadBytes; ++i) {
    if (!ReadOnce()) return;
  }
}

bool AgentLink::ReadOnce() {
  const ssize_t n = ::read(events_.get(), AgentReadBuffer(), kAgentReadBytes);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) {
    parser_->Shrink();
    return false;
  }
  if (n <= 0) {
    Lose("it closed its pipe");
    return false;
  }
  absl::Status refused;
  absl::Status fed = parser_->Feed(
      absl::string_view(AgentReadBuffer(), static_cast<size_t>(n)), [&](absl::string_view frame) {
        refused = OnEvent(frame);
        return refused.ok() ? FrameParser::Next::kContinue : FrameParser::Next::kStop;
      });
  if (!refused.ok()) fed = refused;
  if (fed.ok()) return true;
  spdlog::warn("event=agent_protocol_violation sandbox={} process={} error=\"{}\"", sandbox_id_,
               process_id_, absl::CEscape(fed.message()));
  Lose("it broke the protocol");
  return false;
}

absl::Status AgentLink::OnEvent(absl::string_view frame) {
  WARREN_RETURN_IF_ERROR(ParseAgentEvent(frame, &event_));
  switch (event_.event_case()) {
    case internal::AgentEvent::kStarted:
      return OnCommandEvent(event_.started().process_id());
    case internal::AgentEvent::kFailed:
      return OnCommandEvent(event_.failed().process_id());
    case internal::AgentEvent::kRootWanted:
      return root_.OnWanted();
    default:
      return OnStreamEvent();
  }
}

absl::Status AgentLink::OnCommandEvent(uint64_t process_id) {
  auto found = commands_.find(process_id);
  if (found == commands_.end())
    return absl::InvalidArgumentError("an answer about a command that was not asked for");
  auto listener = std::move(found->second);
  commands_.erase(found);
  if (event_.has_started()) {
    listener->OnStarted(event_.started().pid());
  } else {
    listener->OnFailed(event_.failed());
  }
  return absl::OkStatus();
}

absl::StatusOr<AgentLink::Stream*> AgentLink::Charge(uint64_t stream_id, size_t bytes) {
  auto found = streams_.find(stream_id);
  if (found == streams_.end())
    return absl::InvalidArgumentError("a word on a stream that is not there");
  found->second.credit -= static_cast<int64_t>(bytes);
  if (found->second.credit < 0)
    return absl::InvalidArgumentError("more on a stream than it has credit for");
  return &found->second;
}

absl::Status AgentLink::OnStreamEvent() {
  switch (event_.event_case()) {
    case internal::AgentEvent::kData: {
      internal::StreamData& data = *event_.mutable_data();
      WARREN_ASSIGN_OR_RETURN(Stream * stream, Charge(data.stream_id(), data.data().size()));
      std::shared_ptr<AgentStreamListener>(stream->listener)->OnData(data);
      return absl::OkStatus();
    }
    case internal::AgentEvent::kEntry: {
      internal::StreamEntry& entry = *event_.mutable_entry();
      WARREN_ASSIGN_OR_RETURN(Stream * stream, Charge(entry.stream_id(), entry.ByteSizeLong()));
      std::shared_ptr<AgentStreamListener>(stream->listener)->OnEntry(entry);
      return absl::OkStatus();
    }
    case internal::AgentEvent::kWatchEvent: {
      internal::StreamWatchEvent& event = *event_.mutable_watch_event();
      WARREN_ASSIGN_OR_RETURN(Stream * stream, Charge(event.stream_id(), event.ByteSizeLong()));
      std::shared_ptr<AgentStreamListener>(stream->listener)->OnWatchEvent(event);
      return absl::OkStatus();
    }
    case internal::AgentEvent::kCredit: {
      const internal::StreamCredit& credit = event_.credit();
      WARREN_ASSIGN_OR_RETURN(Stream * stream, Charge(credit.stream_id(), 0));
      stream->untaken -= credit.bytes();
      if (stream->untaken < 0)
        return absl::InvalidArgumentError("credit for more than it was sent");
      std::shared_ptr<AgentStreamListener>(stream->listener)->OnCredit(credit.bytes());
      return absl::OkStatus();
    }
    default: {
      internal::StreamEnd& end = *event_.mutable_end();
      WARREN_ASSIGN_OR_RETURN(Stream * stream, Charge(end.stream_id(), 0));
      auto listener = std::move(stream->listener);
      streams_.erase(end.stream_id());
      listener->OnEnd(end);
      return absl::OkStatus();
    }
  }
}

// ---- The end ----------------------------------------------------------------------------------

// After what is under way: nobody is told from within a call of their own.
void AgentLink::PostLose(const char* why) {
  host_.loop.Post([weak = weak_from_this(), process_id = process_id_, why] {
    auto self = weak.lock();
    if (self && self->state_ == State::kUp && self->process_id_ == process_id) self->Lose(why);
  });
}

void AgentLink::Lose(const char* why) {
  spdlog::warn("event=agent_lost sandbox={} process={} reason=\"{}\"", sandbox_id_, process_id_,
               absl::CEscape(why));
  state_ = State::kEnding;
  internal::LauncherRequest request;
  internal::SignalProcess& kill = *request.mutable_signal_process();
  kill.set_sandbox_id(sandbox_id_);
  kill.set_process_id(process_id_);
  kill.set_signal(internal::SignalProcess::KILL);
  host_.link.Call(std::move(request), nullptr);
  Close(absl::UnavailableError(kAgentLost));
}

void AgentLink::OnProcessExited(uint64_t process_id) {
  root_.OnProcessExited(process_id);
  if (process_id_ == 0 || process_id != process_id_) return;
  // Its last words: that a command has started, which has ended by now.
  for (size_t i = 0; state_ == State::kUp && i < kAgentTurnBytes / kAgentReadBytes; ++i) {
    if (!ReadOnce()) break;
  }
  if (state_ == State::kGone) return;
  const bool was_up = state_ == State::kUp;
  state_ = State::kDown;
  process_id_ = 0;
  if (was_up) {
    spdlog::warn("event=agent_exited sandbox={} process={}", sandbox_id_, process_id);
    Close(absl::UnavailableError(kAgentLost));
  }
  // By then one of those who were told may have asked for the next.
  if (!waiters_.empty() && state_ == State::kDown) Start();
}

void AgentLink::OnSandboxEnds() {
  const State before = std::exchange(state_, State::kGone);
  const absl::Status why = absl::FailedPreconditionError(
      absl::StrCat("sandbox ", sandbox_id_, " is ending; create a new one"));
  if (before == State::kUp) Close(why);
  AnswerWaiters(why);
}

void AgentLink::Close(const absl::Status& why) {
  host_.loop.Unwatch(std::exchange(events_watch_, IoLoop::kNoWatch));
  host_.loop.Unwatch(std::exchange(requests_watch_, IoLoop::kNoWatch));
  requests_.reset();
  events_.reset();
  host_.process_descriptors.Return(kDescriptors);
  unsent_ = FrameWriter();
  unsent_charge_.Clear();
  root_.OnAgentEnds();
  for (auto& [process_id, listener] : std::exchange(commands_, {})) listener->OnAgentGone();
  for (auto& [stream_id, stream] : std::exchange(streams_, {})) stream.listener->OnAgentGone(why);
}

}  // namespace warren
