#include "supervisor/session/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "supervisor/session/pause_control.h"
#include "supervisor/session/process_table.h"

namespace warren {
namespace {

using warren::v1::ProcessEvent;

constexpr size_t kProcessReadBytes = 256 << 10;
// After so much from one pipe the others have their turn.
constexpr size_t kProcessTurnBytes = 1 << 20;
// A pipe's size as the kernel makes it, and that of one through which a flood runs.
constexpr size_t kUsualPipeBytes = 64 << 10;
constexpr int kFloodPipeBytes = 256 << 10;
// A list of the most processes that there may be fits into a message.
constexpr size_t kListedArgumentBytes = 4 << 10;

// Only the IO thread reads, and nothing stays in it between two reads.
char* ProcessReadBuffer() {
  thread_local std::array<char, kProcessReadBytes> buffer;
  return buffer.data();
}

absl::Status HasEnded() { return absl::FailedPreconditionError("the process has ended"); }

absl::Status NotExecuted(const warren::v1::StartProcessRequest& request,
                         const internal::CommandFailed& failed) {
  const bool directory = failed.step() == internal::CommandFailed::WORKING_DIRECTORY;
  if (!directory && failed.step() != internal::CommandFailed::EXECUTE) {
    return absl::UnavailableError(absl::StrCat("the process could not be set up (",
                                               absl::CHexEscape(failed.detail()), ", errno ",
                                               failed.error(), "); try again"));
  }
  const std::string what =
      directory
          ? absl::StrCat("working_directory \"", absl::CHexEscape(request.working_directory()),
                         "\" cannot be entered")
          : absl::StrCat("program \"", absl::CHexEscape(request.arguments(0)),
                         "\" cannot be executed");
  const char* words = ::strerrordesc_np(failed.error());
  const std::string message = absl::StrCat(what, ": ", words != nullptr ? words : "unknown error");
  switch (failed.error()) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(
          message, directory ? "; make it first, or name another"
                             : "; where it is there, the interpreter that it names is not"));
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case E2BIG:
      return absl::InvalidArgumentError(absl::StrCat("arguments and env: ", message));
    default:
      return absl::FailedPreconditionError(message);
  }
}

}  // namespace

// ---- How it is started ------------------------------------------------------------------------

Process::Process(SandboxHost& host, std::weak_ptr<ProcessTable> table, std::string sandbox_id,
                 warren::v1::StartProcessRequest request, MemoryCharge charge,
                 std::shared_ptr<MemoryBudget> kept_output, Kind kind)
    : host_(host),
      table_(std::move(table)),
      sandbox_id_(std::move(sandbox_id)),
      request_(std::move(request)),
      request_charge_(std::move(charge)),
      kind_(kind),
      kept_budget_(std::move(kept_output)),
      kept_(kept_budget_.get()) {
  outputs_[0].stream =
      has_terminal() ? ProcessEvent::Output::TERMINAL : ProcessEvent::Output::STDOUT;
  outputs_[1].stream = ProcessEvent::Output::STDERR;
}

void Process::Begin(std::shared_ptr<AgentLink> agent) {
  agent_ = std::move(agent);
  agent_->Use([self = shared_from_this()](absl::Status status) {
    if (self->ended()) return;
    if (!status.ok()) return self->Fail(status);
    self->Offer();
  });
}

void Process::Offer() {
  if (stop_ != StopReason::kNone)
    return Fail(absl::CancelledError("its client went before it was started"));
  internal::LauncherRequest request;
  internal::StartProcess& start = *request.mutable_start_process();
  start.set_sandbox_id(sandbox_id_);
  start.set_kind(internal::StartProcess::COMMAND);
  start.set_profile(request_.user());
  start.set_leaves_descendants(request_.on_exit() == warren::v1::ON_EXIT_LEAVE);
  host_.link.Call(std::move(request),
                  [self = shared_from_this()](absl::StatusOr<LauncherMessage> reply) {
                    self->OnOffered(std::move(reply));
                  });
}

// In place: what the launcher says next may be that it has ended.
void Process::OnOffered(absl::StatusOr<LauncherMessage> reply) {
  if (ended()) return;
  if (absl::IsFailedPrecondition(reply.status())) {
    if (auto table = table_.lock(); table && table->stands_still()) return Fail(PausedError());
    return Fail(absl::UnavailableError(
        "the sandbox's agent ended as the process was to be started; try again"));
  }
  if (!reply.ok()) {
    return Fail(absl::IsInvalidArgument(reply.status())
                    ? absl::InvalidArgumentError(absl::StrCat("user: ", reply.status().message()))
                    : reply.status());
  }
  number_ = reply->reply.process_started().process_id();
  absl::Status status = TakePipes(*std::move(reply));
  if (auto table = table_.lock()) {
    table->OnOffered(shared_from_this());
  } else if (status.ok()) {
    status = absl::FailedPreconditionError("the sandbox is gone");
  }
  if (status.ok() && stop_ != StopReason::kNone)
    status = absl::CancelledError("its client went before it was started");
  if (status.ok()) status = agent_->StartCommand(MakeCommand(), shared_from_this());
  if (status.ok()) return AwaitStart();
  SendKill();
  Fail(status);
}

absl::Status Process::TakePipes(LauncherMessage message) {
  if (message.fds.size() < kDescriptors) return absl::InternalError("too few descriptors came");
  input_ = std::make_shared<ProcessInput>(
      host_.loop, &host_.memory, request_.no_input() ? UniqueFd() : std::move(message.fds[0]));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    output.pipe = std::move(message.fds[i + 1]);
    // Edge-triggered: a pipe that nobody wants to read costs no wake-up.
    WARREN_ASSIGN_OR_RETURN(output.watch,
                            host_.loop.Watch(output.pipe.get(), EPOLLIN | EPOLLET,
                                             [self = shared_from_this(), &output](uint32_t) {
                                               output.unread = true;
                                               self->Read();
                                             }));
  }
  return absl::OkStatus();
}

internal::StartCommand Process::MakeCommand() const {
  internal::StartCommand command;
  command.set_process_id(number_);
  for (const std::string& argument : request_.arguments()) command.add_argv(argument);
  for (const auto& [name, value] : request_.env())
    command.add_environment(absl::StrCat(name, "=", value));
  command.set_working_directory(request_.working_directory());
  if (has_terminal()) {
    command.mutable_terminal()->set_rows(static_cast<uint32_t>(request_.terminal().rows()));
    command.mutable_terminal()->set_columns(static_cast<uint32_t>(request_.terminal().columns()));
  }
  return command;
}

void Process::AwaitStart() {
  SetDeadline(std::chrono::duration_cast<MonotonicTime::duration>(kStartPatience * host_.pace));
}

void Process::OnStarted(int32_t pid) {
  if (ended()) return;
  state_ = State::kRunning;
  time_left_.reset();
  host_.loop.CancelTimer(std::exchange(timeout_, 0));
  pid_ = pid;
  started_at_ = absl::Now();
  started_ = MonotonicClock::now();
  Push(StartedEvent(0));
  if (request_.has_timeout() && !exit_)
    SetDeadline(absl::ToChronoNanoseconds(ToDuration(request_.timeout())));
  Read();
}

void Process::OnFailed(const internal::CommandFailed& failed) {
  if (!ended()) Fail(NotExecuted(request_, failed));
}

void Process::OnAgentGone() {
  // One that has started ends with it, which the launcher tells.
  if (state_ != State::kStarting) return;
  if (!exit_) SendKill();
  Fail(absl::UnavailableError(
      "the sandbox's agent ended before it said whether the process has started; see what it did, "
      "or try again"));
}

// ---- Clients ----------------------------------------------------------------------------------

void Process::AddClient(std::shared_ptr<ProcessClient> client, std::optional<int64_t> after) {
  if (client->on_disconnect == warren::v1::ON_DISCONNECT_UNSPECIFIED)
    client->on_disconnect = request_.on_disconnect();
  const bool from_here = client->new_output_only || !clients_.empty();
  const int64_t seen = after.value_or(from_here ? output_bytes_ : left_at_);
  if (seen > output_bytes_) {
    return std::exchange(client->sink, nullptr)
        ->End(absl::OutOfRangeError(absl::StrCat("after_output_bytes is ", seen,
                                                 ", and the process has said ", output_bytes_,
                                                 "; name output_bytes of an event of it")));
  }
  if (clients_.size() >= kMaxClients) {
    return std::exchange(client->sink, nullptr)
        ->End(absl::ResourceExhaustedError(absl::StrCat(
            "the process has ", kMaxClients, " clients connected; disconnect one first")));
  }
  if (state_ != State::kStarting) {
    client->sink->Push(StartedEvent(seen));
    kept_.Replay(seen, output_bytes_, *client->sink);
  }
  if (ended()) {
    client->sink->Push(exited_);
    return std::exchange(client->sink, nullptr)->End(absl::OkStatus());
  }
  // Who may go without a word may not have had what was sent last.
  keeps_always_ = keeps_always_ || client->on_disconnect == warren::v1::ON_DISCONNECT_CONTINUE;
  if (!keeps_always_) kept_.Clear();
  client->process = shared_from_this();
  clients_.push_back(std::move(client));
}

void Process::Leave(ProcessClient& client, Leaving how) {
  auto found = std::find_if(clients_.begin(), clients_.end(),
                            [&](const auto& each) { return each.get() == &client; });
  if (found == clients_.end()) return;
  const std::shared_ptr<ProcessClient> kept = std::move(*found);
  clients_.erase(found);
  if (clients_.empty()) left_at_ = output_bytes_;
  client.process = nullptr;
  auto sink = std::exchange(client.sink, nullptr);
  if (how == Leaving::kGone) {
    sink->End(absl::CancelledError("the client left the process"));
    if (clients_.empty() && client.on_disconnect == warren::v1::ON_DISCONNECT_CANCEL)
      Kill(StopReason::kCancelled);
  }
  // It may have been the slow one.
  PostRead();
}

void Process::Resume(ProcessClient& client) {
  client.paused = false;
  Read();
}

void Process::Push(const ProcessEvent& event) {
  for (const auto& client : clients_) {
    if (client->sink->Push(event) == Flow::kPause) client->paused = true;
  }
}

void Process::EndClients(const absl::Status& status) {
  for (const auto& client : std::exchange(clients_, {})) {
    client->process = nullptr;
    std::exchange(client->sink, nullptr)->End(status);
  }
}

void Process::Write(warren::v1::WriteProcessInputRequest request, ProcessInput::WriteReply reply) {
  if (ended() || exit_ || input_ == nullptr) return reply(HasEnded());
  if (state_ == State::kStarting) {
    return reply(absl::FailedPreconditionError(
        "the process has not started yet; write when its Started event is there"));
  }
  input_->Write(std::move(request), std::move(reply));
}

void Process::WriteAll(std::string data) {
  if (input_ != nullptr && !exit_) input_->WriteAll(std::move(data));
}

absl::Status Process::Resize(const warren::v1::Terminal& size) {
  if (!has_terminal()) {
    return absl::FailedPreconditionError(
        "the process has no terminal; start it with one to give it a size");
  }
  if (ended() || exit_) return HasEnded();
  internal::AgentRequest request;
  request.mutable_resize()->set_process_id(number_);
  request.mutable_resize()->mutable_size()->set_rows(static_cast<uint32_t>(size.rows()));
  request.mutable_resize()->mutable_size()->set_columns(static_cast<uint32_t>(size.columns()));
  return agent_->Send(request);
}

absl::Status Process::Signal(int32_t signal) {
  if (ended() || exit_) return HasEnded();
  if (signal == SIGKILL) {
    SendKill();
    return absl::OkStatus();
  }
  internal::AgentRequest request;
  request.mutable_signal()->set_process_id(number_);
  request.mutable_signal()->set_signal(signal);
  return agent_->Send(request);
}

// ---- Reading ----------------------------------------------------------------------------------

bool Process::WantsMore() const {
  // What it says comes after the word that it has started.
  if (state_ != State::kRunning || held_) return false;
  // What its pipes still hold is bounded, and nobody's pace keeps its end back. A terminal is read
  // from the agent.
  if (exit_ && !has_terminal()) return true;
  return std::none_of(clients_.begin(), clients_.end(),
                      [](const auto& client) { return client->paused; });
}

void Process::Read() {
  if (!WantsMore()) return MaybeEnd();
  const MonotonicTime now = MonotonicClock::now();
  const size_t allowance = exit_ ? ReadTurns::kUnbounded : host_.turns.Allowance(turn_, now);
  size_t bytes = 0;
  for (Output& output : outputs_) {
    if (!output.unread || !WantsMore()) continue;
    bytes +=
        ReadOutput(output, std::max(allowance - std::min(allowance, bytes), ReadTurns::kLeast));
  }
  if (bytes > 0 && !exit_) HoldUntil(host_.turns.OnRead(turn_, bytes, now));
  const bool more = std::any_of(outputs_.begin(), outputs_.end(),
                                [](const Output& output) { return output.unread; });
  // The turn is over, not the wish: after the others' turns.
  if (more && WantsMore()) PostRead();
  MaybeEnd();
}

void Process::PostRead() {
  host_.loop.Post([self = shared_from_this()] { self->Read(); });
}

void Process::HoldUntil(std::optional<MonotonicTime> time) {
  if (!time || held_) return;
  held_ = true;
  host_.loop.AddTimer(*time, [self = shared_from_this()] {
    self->held_ = false;
    self->Read();
  });
}

size_t Process::ReadOutput(Output& output, size_t most) {
  most = std::min(most, kProcessTurnBytes);
  size_t bytes = 0;
  while (bytes < most && WantsMore()) {
    const size_t wanted =
        std::min({most - bytes, kProcessReadBytes, output.left.value_or(kProcessReadBytes)});
    const ssize_t n = wanted == 0 ? 0 : ReadSome(output, wanted);
    if (n < 0 && errno == EAGAIN && !output.left) {
      output.unread = false;
      break;
    }
    if (n <= 0) {
      CloseOutput(output);
      break;
    }
    const auto size = static_cast<size_t>(n);
    bytes += size;
    if (output.left) *output.left -= size;
    Deliver(output, absl::string_view(ProcessReadBuffer(), size));
  }
  return bytes;
}

ssize_t Process::ReadSome(Output& output, size_t most) {
  ssize_t n;
  do {
    n = ::read(output.pipe.get(), ProcessReadBuffer(), most);
  } while (n < 0 && errno == EINTR);
  // A pipe that is found full belongs to a flood: room for more at a time saves switches. Refused
  // when the host's allowance for pipes is used up: then it stays as it is.
  if (n >= static_cast<ssize_t>(kUsualPipeBytes) && !std::exchange(output.enlarged, true))
    ::fcntl(output.pipe.get(), F_SETPIPE_SZ, kFloodPipeBytes);
  return n;
}

void Process::Deliver(const Output& output, absl::string_view data) {
  if (const int64_t most = request_.max_output_bytes(); most > 0) {
    const int64_t room = std::max<int64_t>(most - output_bytes_, 0);
    if (static_cast<int64_t>(data.size()) > room) {
      data = data.substr(0, static_cast<size_t>(room));
      output_cut_ = true;
      Kill(StopReason::kOutputLimit);
    }
  }
  if (data.empty()) return;
  output_bytes_ += static_cast<int64_t>(data.size());
  if (auto table = table_.lock()) table->CountOutput(static_cast<int64_t>(data.size()));
  const int64_t now = absl::GetCurrentTimeNanos();
  if (keeps_always_ || clients_.empty()) kept_.Append(output.stream, data, output_bytes_, now);
  if (clients_.empty()) return;
  ProcessEvent event;
  event.mutable_output()->set_stream(output.stream);
  event.mutable_output()->set_data(data.data(), data.size());
  event.set_output_bytes(output_bytes_);
  event.set_time_unix_nanos(now);
  Push(event);
}

void Process::CloseOutput(Output& output) {
  output.unread = false;
  host_.loop.Unwatch(std::exchange(output.watch, IoLoop::kNoWatch));
  output.pipe.reset();
}

void Process::BeginDrain() {
  for (Output& output : outputs_) {
    if (!output.pipe.valid()) continue;
    output.unread = true;
    // A terminal's is written by the agent alone, which closes it.
    if (has_terminal() && agent_->up()) continue;
    int held = 0;
    output.left = ::ioctl(output.pipe.get(), FIONREAD, &held) == 0 && held > 0
                      ? static_cast<size_t>(held)
                      : 0;
  }
  Read();
}

// ---- The end ----------------------------------------------------------------------------------

void Process::Kill(StopReason reason) {
  if (ended() || exit_) return;
  if (stop_ == StopReason::kNone) stop_ = reason;
  SendKill();
}

void Process::SendKill() {
  if (number_ == 0 || std::exchange(kill_sent_, true)) return;
  internal::LauncherRequest request;
  internal::SignalProcess& kill = *request.mutable_signal_process();
  kill.set_sandbox_id(sandbox_id_);
  kill.set_process_id(number_);
  kill.set_signal(internal::SignalProcess::KILL);
  if (auto table = table_.lock()) table->Signal(std::move(request));
}

void Process::Stop(StopReason reason) {
  if (kind_ == Kind::kCommand || state_ != State::kRunning) return Kill(reason);
  if (exit_ || stop_ != StopReason::kNone) return;
  internal::AgentRequest request;
  request.mutable_signal()->set_process_id(number_);
  request.mutable_signal()->set_signal(SIGTERM);
  if (!agent_->Send(request).ok()) return Kill(reason);
  stop_ = reason;
  asked_ = true;
  host_.loop.CancelTimer(std::exchange(timeout_, 0));
  SetDeadline(std::chrono::duration_cast<MonotonicTime::duration>(kGrace * host_.pace));
}

void Process::OnDeadline() {
  timeout_ = 0;
  if (state_ == State::kStarting) {
    spdlog::warn("event=start_hangs sandbox={} process={}", sandbox_id_, number_);
    return SendKill();
  }
  if (!asked_) return Stop(StopReason::kTimeout);
  spdlog::info("event=sigterm_ignored sandbox={} process={}", sandbox_id_, number_);
  SendKill();
}

void Process::SetDeadline(MonotonicTime::duration left) {
  if (auto table = table_.lock(); table && table->stands_still()) {
    time_left_ = left;
  } else {
    deadline_ = MonotonicClock::now() + left;
    ArmTimeout();
  }
}

void Process::ArmTimeout() {
  timeout_ = host_.loop.AddTimer(deadline_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnDeadline();
  });
}

void Process::StandStill() {
  if (timeout_ == 0 || time_left_) return;
  host_.loop.CancelTimer(std::exchange(timeout_, 0));
  time_left_ = deadline_ - MonotonicClock::now();
}

void Process::GoOn() {
  if (!time_left_) return;
  deadline_ = MonotonicClock::now() + *std::exchange(time_left_, std::nullopt);
  if (!ended() && !exit_) ArmTimeout();
}

void Process::OnExited(const internal::ProcessExited& event) {
  if (ended() || exit_) return;
  exit_ = Exit{event.exit_code(), event.signal(), event.cpu_us(), MonotonicClock::now()};
  host_.loop.CancelTimer(std::exchange(timeout_, 0));
  // Whether that was for memory is told with the end of its sandbox.
  account_awaited_ =
      event.sandbox_ends() && event.signal() == SIGKILL && stop_ == StopReason::kNone;
  // Behind that: the sandbox of a killed context is told to end whatever killed it.
  NoteSandboxEnding();
  input_->Close(HasEnded());
  if (state_ == State::kStarting) AwaitWord();
  BeginDrain();
}

void Process::AwaitWord() {
  const auto patience =
      std::chrono::duration_cast<MonotonicTime::duration>(kWordPatience * host_.pace);
  host_.loop.AddTimer(MonotonicClock::now() + patience, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->state_ != State::kStarting) return;
    // The agent stands still with its sandbox.
    if (auto table = self->table_.lock(); table && table->stands_still()) return self->AwaitWord();
    self->agent_->GiveUp("it does not say whether a process has started");
  });
}

void Process::NoteSandboxEnding() {
  auto table = table_.lock();
  if (table && stop_ == StopReason::kNone) stop_ = table->ending();
}

void Process::OnSandboxGone(bool out_of_memory) {
  if (ended()) return;
  if (state_ == State::kStarting) {
    return Fail(absl::FailedPreconditionError(
        "the sandbox ended before the process was started; create a new one"));
  }
  if (!exit_ || std::exchange(account_awaited_, false)) out_of_memory_ = out_of_memory;
  if (!exit_) {
    NoteSandboxEnding();
    exit_ = Exit{0, SIGKILL, 0, MonotonicClock::now()};
    host_.loop.CancelTimer(std::exchange(timeout_, 0));
    input_->Close(HasEnded());
  }
  BeginDrain();
}

void Process::Release() {
  state_ = State::kEnded;
  host_.loop.CancelTimer(std::exchange(timeout_, 0));
  for (Output& output : outputs_) CloseOutput(output);
  if (input_ != nullptr) input_->Close(HasEnded());
  input_ = nullptr;
  agent_ = nullptr;
}

void Process::Fail(const absl::Status& status) {
  if (ended()) return;
  const auto self = shared_from_this();
  Release();
  if (auto table = table_.lock()) table->OnEnded(*this, ProcessTable::HowEnded::kNotStarted);
  EndClients(status);
}

void Process::MaybeEnd() {
  if (state_ != State::kRunning || !exit_ || account_awaited_) return;
  for (const Output& output : outputs_) {
    if (output.pipe.valid()) return;
  }
  const auto self = shared_from_this();
  exited_ = ExitedEvent();
  spdlog::debug("event=process_ended sandbox={} process={} termination={} bytes={}", sandbox_id_,
                number_, warren::v1::Termination::Kind_Name(exited_.exited().termination().kind()),
                output_bytes_);
  Release();
  if (!clients_.empty()) left_at_ = output_bytes_;
  // Booked before it is told: who starts the next at once has its place.
  if (auto table = table_.lock()) table->OnEnded(*this, ProcessTable::HowEnded::kExited);
  Push(exited_);
  EndClients(absl::OkStatus());
}

// ---- Facts ------------------------------------------------------------------------------------

std::string Process::id() const { return absl::StrCat("p", number_); }

ProcessEvent Process::StartedEvent(int64_t seen) const {
  ProcessEvent event;
  event.set_output_bytes(seen);
  event.mutable_started()->set_process_id(id());
  event.mutable_started()->set_pid(pid_);
  event.set_time_unix_nanos(absl::ToUnixNanos(started_at_));
  return event;
}

ProcessEvent Process::ExitedEvent() const {
  ProcessEvent event;
  const ProcessEnd end{stop_, exit_->exit_code, exit_->signal, out_of_memory_, asked_, output_cut_};
  *event.mutable_exited()->mutable_termination() =
      kind_ == Kind::kScript ? TerminationOfScript(end) : TerminationOfProcess(end);
  warren::v1::Usage& usage = *event.mutable_exited()->mutable_usage();
  // What was short may have ended before the agent had said that it ran.
  *usage.mutable_wall() =
      ToProto(absl::FromChrono(std::max(exit_->when - started_, MonotonicClock::duration::zero())));
  *usage.mutable_cpu_user() = ToProto(absl::Microseconds(std::max<int64_t>(exit_->cpu_us, 0)));
  usage.set_output_bytes(output_bytes_);
  usage.set_backend(host_.backend);
  event.set_output_bytes(output_bytes_);
  event.set_time_unix_nanos(absl::GetCurrentTimeNanos());
  return event;
}

warren::v1::Process Process::Describe() const {
  warren::v1::Process process;
  process.set_process_id(id());
  process.set_pid(pid_);
  size_t room = kListedArgumentBytes;
  for (const std::string& argument : request_.arguments()) {
    process.set_arguments_cut(argument.size() > room);
    if (!process.arguments_cut() || room > 0) process.add_arguments(ToValidUtf8(argument, room));
    if (process.arguments_cut()) break;
    room -= argument.size();
  }
  size_t env_bytes = 0;
  for (const auto& [name, value] : request_.env()) env_bytes += name.size() + value.size();
  if (env_bytes <= kListedArgumentBytes) {
    for (const auto& [name, value] : request_.env()) (*process.mutable_env())[name] = value;
  }
  process.set_working_directory(request_.working_directory());
  process.set_user(request_.user());
  process.set_has_terminal(has_terminal());
  if (state_ != State::kStarting) *process.mutable_started_at() = ToProto(started_at_);
  if (ended()) *process.mutable_termination() = exited_.exited().termination();
  process.set_clients(static_cast<int32_t>(clients_.size()));
  return process;
}

}  // namespace warren
