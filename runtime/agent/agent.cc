#include "runtime/agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_split.h"
#include "runtime/base/io.h"

namespace warren {
namespace {

// A supervisor that asks and does not read its answers has broken the protocol.
constexpr size_t kMaxUnsent = 1 << 20;
// Pieces of files that are sent, and reads of what is asked for, before everything else is looked
// at again.
constexpr int kTurns = 4;
// Buffers above this are given back when they are empty.
constexpr size_t kKeptBuffer = 64 << 10;
constexpr int kMaxStrings = 4096;
constexpr int kMaxSignal = 64;
constexpr uint32_t kMaxTerminalSide = 65535;
// Also bounded by the launcher, which makes their groups.
constexpr size_t kMaxCommands = 80;

// What it always waits for; the failure pipes of commands that are starting come behind.
enum Wait : size_t { kOrders, kRequests, kChildren, kEvents, kRoot, kFixedWaits };
constexpr size_t kMaxReason = 256;

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

bool Valid(const internal::TerminalSize& size) {
  return size.rows() <= kMaxTerminalSide && size.columns() <= kMaxTerminalSide;
}

bool Valid(const internal::StartCommand& request) {
  if (request.serves_sudo()) {
    return request.argv().empty() && request.environment().empty() &&
           request.working_directory().empty() && !request.has_terminal();
  }
  return request.argv_size() >= 1 && request.argv_size() <= kMaxStrings &&
         request.environment_size() <= kMaxStrings && !request.argv(0).empty() &&
         std::none_of(request.argv().begin(), request.argv().end(), HasNul) &&
         std::none_of(request.environment().begin(), request.environment().end(), HasNul) &&
         !HasNul(request.working_directory()) && Valid(request.terminal());
}

internal::CommandFailed::Step StepOf(SetupStage stage) {
  switch (stage) {
    case SetupStage::kWorkingDirectory:
      return internal::CommandFailed::WORKING_DIRECTORY;
    case SetupStage::kExec:
      return internal::CommandFailed::EXECUTE;
    default:
      return internal::CommandFailed::SET_UP;
  }
}

}  // namespace

int Agent::Serve() {
  while (true) {
    std::vector<pollfd> waits(kFixedWaits);
    waits[kOrders] = {channels_.orders.get(), POLLIN, 0};
    waits[kRequests] = {channels_.requests.get(), POLLIN, 0};
    waits[kChildren] = {channels_.children.get(), POLLIN, 0};
    waits[kEvents] = {unsent_.empty() ? -1 : channels_.events.get(), POLLOUT, 0};
    waits[kRoot] = {channels_.sudo.waits(), POLLIN, 0};
    std::vector<uint64_t> starting;
    for (const auto& [process_id, command] : commands_) {
      if (command.failure_pipe() < 0) continue;
      waits.push_back({command.failure_pipe(), POLLIN, 0});
      starting.push_back(process_id);
    }
    const std::vector<FileStreams::Wait> files = files_.waits();
    for (const FileStreams::Wait& each : files) waits.push_back({each.descriptor, POLLIN, 0});
    std::vector<uint64_t> terminals;
    for (const auto& [process_id, terminal] : terminals_) {
      terminal->AddWaits(&waits);
      terminals.push_back(process_id);
    }
    if (::poll(waits.data(), waits.size(), FilesCanGoOn() ? 0 : -1) < 0) {
      if (errno == EINTR) continue;
      return 1;
    }
    if (!ServeOnce(waits, starting, files, terminals)) return 1;
  }
}

bool Agent::ServeOnce(const std::vector<pollfd>& waits, const std::vector<uint64_t>& starting,
                      const std::vector<FileStreams::Wait>& files,
                      const std::vector<uint64_t>& terminals) {
  if (waits[kOrders].revents != 0 && !TakeOrders()) return false;
  for (size_t i = 0; i < starting.size(); ++i) {
    if (waits[kFixedWaits + i].revents != 0 && !OnOutcome(starting[i])) return false;
  }
  const size_t first_terminal = kFixedWaits + starting.size() + files.size();
  const bool moves = std::any_of(waits.begin() + static_cast<ptrdiff_t>(first_terminal),
                                 waits.end(), [](const pollfd& wait) { return wait.revents != 0; });
  // Requests that came while poll looked, too: a terminal has its new size before what its client
  // has written since.
  if ((moves || waits[kRequests].revents != 0) && !OnRequests()) return false;
  TurnTerminals(terminals, waits.data() + first_terminal);
  // After that: it is said that a command runs before it is said that it has ended.
  if (waits[kChildren].revents != 0 && !OnChildren()) return false;
  if (waits[kRoot].revents != 0 && !OnRootWanted()) return false;
  for (size_t i = 0; i < files.size(); ++i) {
    if (waits[kFixedWaits + starting.size() + i].revents != 0)
      files_.OnReadable(files[i].stream_id);
  }
  for (int turn = 0; turn < kTurns && Flush() && FilesCanGoOn(); ++turn) files_.Turn();
  return Flush();
}

bool Agent::FilesCanGoOn() const { return unsent_.empty() && files_.ready(); }

bool Agent::TakeOrders() {
  pollfd wait = {channels_.orders.get(), POLLIN, 0};
  while (::poll(&wait, 1, 0) == 1) {
    if (!OnOrder()) return false;
  }
  return true;
}

bool Agent::OnOrder() {
  absl::StatusOr<Message> message = ReceiveMessage(channels_.orders.get(), sizeof(AgentOrder));
  AgentOrder order;
  // Shorter: the launcher is gone.
  if (!message.ok() || message->data.size() != sizeof(order)) return false;
  std::memcpy(&order, message->data.data(), sizeof(order));
  if (order.magic != kSetupMagic || order.version != kSetupVersion) return false;
  if (order.kind == AgentOrderKind::kWithdraw) {
    auto found = commands_.find(order.process_id);
    if (found == commands_.end()) return true;
    if (found->second.started()) {
      // It may not have entered its group yet, where the launcher's kill would reach it.
      ::kill(found->second.pid(), SIGKILL);
      return true;
    }
    commands_.erase(found);
    return ReportExit(order.process_id, SIGKILL);
  }
  if (order.kind != AgentOrderKind::kOffer || message->fds.size() < kCommandFirstCgroup ||
      commands_.size() >= kMaxCommands || order.process.rlimit_count > kMaxRlimits ||
      order.environment_bytes > kMaxProfileEnvironment) {
    return false;
  }
  order.process.working_directory[sizeof(order.process.working_directory) - 1] = '\0';
  std::vector<std::string> environment = absl::StrSplit(
      absl::string_view(order.environment, order.environment_bytes), '\0', absl::SkipEmpty());
  commands_.try_emplace(order.process_id, order.process, std::move(environment),
                        std::move(message->fds));
  return true;
}

bool Agent::OnRequests() {
  char bytes[65536];
  for (int turn = 0; turn < kTurns; ++turn) {
    const ssize_t size = ::read(channels_.requests.get(), bytes, sizeof(bytes));
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    const absl::Status fed = parser_.Feed(
        absl::string_view(bytes, static_cast<size_t>(size)), [&](absl::string_view frame) {
          return OnRequest(frame) ? FrameParser::Next::kContinue : FrameParser::Next::kStop;
        });
    if (!fed.ok()) return false;
    // It was all that was there.
    if (static_cast<size_t>(size) < sizeof(bytes)) break;
  }
  return true;
}

bool Agent::OnRequest(absl::string_view frame) {
  internal::AgentRequest request;
  if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return false;
  switch (request.request_case()) {
    case internal::AgentRequest::kStart:
      return OnStart(request.start());
    case internal::AgentRequest::kSignal:
      return OnSignal(request.signal());
    case internal::AgentRequest::kCall:
      return files_.OnCall(request.call());
    case internal::AgentRequest::kData:
      return files_.OnData(request.data());
    case internal::AgentRequest::kCredit:
      return files_.OnCredit(request.credit());
    case internal::AgentRequest::kCancel:
      return files_.OnCancel(request.cancel());
    case internal::AgentRequest::kRefuseRoot:
      return OnRefuseRoot(request.refuse_root());
    case internal::AgentRequest::kResize:
      return OnResize(request.resize());
    default:
      return false;
  }
}

bool Agent::OnStart(const internal::StartCommand& request) {
  if (!Valid(request) || (request.serves_sudo() && !channels_.sudo.asked())) return false;
  if (request.serves_sudo()) channels_.sudo.Starting(request.process_id());
  // The launcher offers a command before it tells the supervisor of it, but on another channel.
  if (!commands_.contains(request.process_id()) && !TakeOrders()) return false;
  auto found = commands_.find(request.process_id());
  // Withdrawn, or never offered.
  if (found == commands_.end() || found->second.started()) {
    RefuseIfServed(request.process_id());
    return TellNotOffered(request.process_id());
  }
  const SetupResult result = StartCommand(request, found->second);
  if (result.ok()) return true;
  commands_.erase(found);
  RefuseIfServed(request.process_id());
  // For its launcher it has ended as one that was not executed.
  return TellFailed(request.process_id(), result) && ReportExit(request.process_id(), 127 << 8);
}

bool Agent::OnRootWanted() {
  channels_.sudo.Asked();
  internal::AgentEvent event;
  event.mutable_root_wanted();
  return TellNow(event);
}

bool Agent::OnRefuseRoot(const internal::RefuseRoot& request) {
  if (!channels_.sudo.asked() || request.reason().size() > kMaxReason) return false;
  channels_.sudo.Refuse(request.reason());
  return true;
}

void Agent::RefuseIfServed(uint64_t process_id) {
  if (channels_.sudo.IsServedBy(process_id))
    channels_.sudo.Refuse("the command could not be set up; try again");
}

SetupResult Agent::StartCommand(const internal::StartCommand& request, Command& command) {
  if (request.serves_sudo()) return command.StartServing(channels_.sudo.listener());
  if (!request.has_terminal()) return command.Start(request, nullptr);
  std::unique_ptr<Terminal> terminal;
  SetupResult result = Terminal::Open(request.terminal(), command.uid(), command.gid(), &terminal);
  if (result.ok()) result = command.Start(request, terminal.get());
  if (result.ok()) terminals_[request.process_id()] = std::move(terminal);
  return result;
}

bool Agent::OnResize(const internal::ResizeTerminal& request) {
  if (!Valid(request.size())) return false;
  auto found = terminals_.find(request.process_id());
  if (found != terminals_.end()) found->second->Resize(request.size());
  return true;
}

void Agent::TurnTerminals(const std::vector<uint64_t>& terminals, const pollfd* waits) {
  for (uint64_t process_id : terminals) {
    auto found = terminals_.find(process_id);
    if (found != terminals_.end()) {
      found->second->Turn(waits);
      if (found->second->done()) terminals_.erase(found);
    }
    waits += Terminal::kWaits;
  }
}

bool Agent::OnSignal(const internal::SignalCommand& request) {
  if (request.signal() < 1 || request.signal() > kMaxSignal) return false;
  auto found = commands_.find(request.process_id());
  // It is not reaped yet, so its pid is nobody else's.
  if (found != commands_.end() && found->second.started())
    ::kill(found->second.pid(), request.signal());
  return true;
}

bool Agent::OnOutcome(uint64_t process_id) {
  auto found = commands_.find(process_id);
  if (found == commands_.end()) return true;
  const std::optional<SetupResult> result = found->second.TakeOutcome();
  if (!result) return true;
  if (!result->ok()) RefuseIfServed(process_id);
  if (channels_.sudo.IsServedBy(process_id)) channels_.sudo.Settled();
  return result->ok() ? TellStarted(process_id, found->second.inner_pid())
                      : TellFailed(process_id, *result);
}

bool Agent::OnChildren() {
  signalfd_siginfo ignored;
  while (::read(channels_.children.get(), &ignored, sizeof(ignored)) > 0) {
  }
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return true;
    auto found = std::find_if(commands_.begin(), commands_.end(),
                              [&](const auto& each) { return each.second.pid() == pid; });
    if (found == commands_.end()) {
      channels_.sudo.OnChildEnded(pid);
      continue;
    }
    const uint64_t process_id = found->first;
    // It ended before its pipe was looked at.
    if (found->second.failure_pipe() >= 0 && !OnOutcome(process_id)) return false;
    commands_.erase(found);
    if (auto terminal = terminals_.find(process_id); terminal != terminals_.end()) {
      terminal->second->LeaderEnded();
      if (terminal->second->done()) terminals_.erase(terminal);
    }
    if (!ReportExit(process_id, status)) return false;
  }
}

bool Agent::ReportExit(uint64_t process_id, int wait_status) {
  AgentReport report;
  report.kind = AgentReportKind::kExited;
  report.process_id = process_id;
  report.wait_status = wait_status;
  // Small enough to be written whole.
  return ::write(channels_.reports.get(), &report, sizeof(report)) == sizeof(report);
}

bool Agent::TellStarted(uint64_t process_id, pid_t inner_pid) {
  internal::AgentEvent event;
  event.mutable_started()->set_process_id(process_id);
  event.mutable_started()->set_pid(inner_pid);
  return TellNow(event);
}

bool Agent::TellNotOffered(uint64_t process_id) {
  internal::AgentEvent event;
  event.mutable_failed()->set_process_id(process_id);
  event.mutable_failed()->set_step(internal::CommandFailed::NOT_OFFERED);
  return TellNow(event);
}

bool Agent::TellFailed(uint64_t process_id, const SetupResult& result) {
  internal::AgentEvent event;
  event.mutable_failed()->set_process_id(process_id);
  event.mutable_failed()->set_step(StepOf(result.stage));
  event.mutable_failed()->set_detail(SetupStageName(result.stage));
  event.mutable_failed()->set_error(result.error);
  return TellNow(event);
}

void Agent::Tell(const internal::AgentEvent& event) {
  // Every event is far below a frame's bound, and none is empty.
  unsent_.Add(event).IgnoreError();
}

void Agent::TellData(uint64_t stream_id, absl::string_view data, bool last) {
  if (!unsent_
           .WriteData(channels_.events.get(), internal::AgentEvent::kDataFieldNumber, stream_id,
                      last, data)
           .ok()) {
    unheard_ = true;
  }
}

bool Agent::TellNow(const internal::AgentEvent& event) {
  Tell(event);
  return Flush();
}

bool Agent::Flush() {
  if (unheard_ || !unsent_.Flush(channels_.events.get()).ok()) return false;
  if (!files_.ready()) unsent_.Shrink(kKeptBuffer);
  return unsent_.size() <= kMaxUnsent;
}

}  // namespace warren
