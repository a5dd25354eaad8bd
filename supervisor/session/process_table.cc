#include "supervisor/session/process_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/message_differencer.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

// Shortest interval of looking at the CPU seconds used.
constexpr std::chrono::milliseconds kMinCpuLook{50};
// Of a process, beside its request.
constexpr int64_t kProcessBytes = 4096;

void Refuse(ProcessClient& client, const absl::Status& why) {
  std::exchange(client.sink, nullptr)->End(why);
}

}  // namespace

ProcessTable::~ProcessTable() { host_.ended_processes.Return(static_cast<int>(ended_.size())); }

// ---- How they come ----------------------------------------------------------------------------

absl::Status ProcessTable::Admit(const warren::v1::StartProcessRequest& request,
                                 MemoryCharge& charge) {
  if (running_ >= kMaxProcesses) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "sandbox ", sandbox_id_, " has ", kMaxProcesses, " processes that run; end some first"));
  }
  // As it came is kept too, where it can be asked for by its id.
  const auto bytes = static_cast<int64_t>(request.ByteSizeLong());
  if (!charge.TryAdd(kProcessBytes + (request.request_id().empty() ? 1 : 2) * bytes)) {
    return NoRoom();
  }
  if (!host_.process_descriptors.TryTake(Process::kDescriptors)) {
    return absl::ResourceExhaustedError(
        "the processes of all sandboxes have the descriptors that the server's open files are "
        "enough for: end some, or raise its hard limit (ulimit -Hn)");
  }
  return absl::OkStatus();
}

bool ProcessTable::ConnectByRequest(const warren::v1::StartProcessRequest& request,
                                    const std::shared_ptr<ProcessClient>& client) {
  if (request.request_id().empty()) return false;
  auto found = by_request_id_.find(request.request_id());
  if (found == by_request_id_.end()) return false;
  if (!google::protobuf::util::MessageDifferencer::Equals(found->second.request, request)) {
    Refuse(*client, absl::InvalidArgumentError(
                        "request_id: another request with this id has started a process of this "
                        "sandbox; give each request an id of its own"));
  } else {
    ConnectTo(found->second.process, client, 0);
  }
  return true;
}

void ProcessTable::Start(warren::v1::StartProcessRequest request,
                         std::shared_ptr<ProcessClient> client, Process::Kind kind) {
  if (ConnectByRequest(request, client)) return;
  MemoryCharge charge(&host_.memory);
  if (absl::Status status = Admit(request, charge); !status.ok()) return Refuse(*client, status);
  ++running_;
  warren::v1::StartProcessRequest whole = request;
  for (const auto& [name, value] : environment_) whole.mutable_env()->insert({name, value});
  auto process = std::make_shared<Process>(host_, weak_from_this(), sandbox_id_, std::move(whole),
                                           std::move(charge), kept_output_, kind);
  const std::string request_id = request.request_id();
  if (!request_id.empty()) by_request_id_[request_id] = {std::move(request), process};
  process->AddClient(std::move(client));
  process->Begin(agent_);
  if (!cpu_checked_) CheckCpu();
}

void ProcessTable::OnOffered(std::shared_ptr<Process> process) {
  const uint64_t number = process->number();
  processes_[number] = std::move(process);
}

std::shared_ptr<Process> ProcessTable::Find(const std::string& process_id) const {
  uint64_t number = 0;
  if (process_id.empty() || process_id[0] != 'p' ||
      !absl::SimpleAtoi(absl::string_view(process_id).substr(1), &number)) {
    return nullptr;
  }
  auto found = processes_.find(number);
  // Another spelling of the number is no id.
  return found == processes_.end() || found->second->id() != process_id ? nullptr : found->second;
}

void ProcessTable::Connect(const std::string& process_id, std::shared_ptr<ProcessClient> client,
                           std::optional<int64_t> after) {
  const std::shared_ptr<Process> process = Find(process_id);
  if (process == nullptr) {
    return Refuse(*client,
                  absl::NotFoundError("no such process: it never was, or it ended too long ago"));
  }
  ConnectTo(process, std::move(client), after);
}

// By value: what it is told may be the end of it, and of the table's.
void ProcessTable::ConnectTo(std::shared_ptr<Process> process,
                             std::shared_ptr<ProcessClient> client, std::optional<int64_t> after) {
  // Each gets what is kept at once.
  if (absl::Status room = CheckRoom(host_.memory); !room.ok()) return Refuse(*client, room);
  process->AddClient(std::move(client), after);
}

warren::v1::ListProcessesResponse ProcessTable::List() const {
  warren::v1::ListProcessesResponse response;
  for (const auto& [number, process] : processes_) *response.add_processes() = process->Describe();
  return response;
}

// ---- How they end -----------------------------------------------------------------------------

void ProcessTable::OnExited(const internal::ProcessExited& event) {
  auto found = processes_.find(event.process_id());
  if (found == processes_.end()) return;
  const std::shared_ptr<Process> process = found->second;
  process->OnExited(event);
}

void ProcessTable::OnSandboxGone(bool out_of_memory) {
  // Each may forget another.
  std::vector<std::shared_ptr<Process>> all;
  all.reserve(processes_.size());
  for (const auto& [number, process] : processes_) all.push_back(process);
  for (const auto& process : all) process->OnSandboxGone(out_of_memory);
}

void ProcessTable::OnEnded(Process& process, HowEnded how) {
  --running_;
  host_.process_descriptors.Return(Process::kDescriptors);
  if (how == HowEnded::kExited) return Keep(process.number());
  if (!process.request_id().empty()) by_request_id_.erase(process.request_id());
  processes_.erase(process.number());
}

void ProcessTable::Keep(uint64_t number) {
  // Where there are enough of all sandboxes, one of this sandbox's own goes for it.
  while (!ended_.empty() && (ended_.size() >= kMaxEnded ||
                             host_.ended_processes.taken() >= host_.ended_processes.most()))
    ForgetOldest();
  if (!host_.ended_processes.TryTake()) return Forget(number);
  ended_.push_back({number, MonotonicClock::now() + kept_});
  if (!forgetting_) ArmForgetting();
}

void ProcessTable::ForgetOldest() {
  const uint64_t number = ended_.front().number;
  ended_.pop_front();
  host_.ended_processes.Return();
  Forget(number);
}

void ProcessTable::Forget(uint64_t number) {
  auto found = processes_.find(number);
  if (!found->second->request_id().empty()) by_request_id_.erase(found->second->request_id());
  processes_.erase(found);
}

void ProcessTable::ArmForgetting() {
  forgetting_ = !ended_.empty();
  if (!forgetting_) return;
  host_.loop.AddTimer(ended_.front().forget_at, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    while (!self->ended_.empty() && self->ended_.front().forget_at <= MonotonicClock::now())
      self->ForgetOldest();
    self->ArmForgetting();
  });
}

void ProcessTable::CountOutput(int64_t bytes) {
  if (auto sandbox = sandbox_.lock()) sandbox->CountOutput(bytes);
}

// Contexts look while a cell of theirs runs; this looks while a process does.
void ProcessTable::CheckCpu() {
  auto sandbox = sandbox_.lock();
  cpu_checked_ = running_ > 0 && sandbox && sandbox->limits().cpu_seconds() > 0;
  if (!cpu_checked_) return;
  const CpuTime used = sandbox->ReadCpu();
  const absl::Duration left =
      absl::Seconds(sandbox->limits().cpu_seconds()) - used.user - used.system;
  if (left <= absl::ZeroDuration()) {
    spdlog::info("event=cpu_seconds_used_up sandbox={}", sandbox_id_);
    cpu_checked_ = false;
    return sandbox->Destroy(StopReason::kCpuLimit);
  }
  const double cores = std::max(sandbox->limits().cpu_millis(), 1) / 1000.0;
  const auto wait =
      std::max<std::chrono::nanoseconds>(absl::ToChronoNanoseconds(left / cores), kMinCpuLook);
  host_.loop.AddTimer(MonotonicClock::now() + wait, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->CheckCpu();
  });
}

// ---- Its sandbox is paused --------------------------------------------------------------------

void ProcessTable::StandStill() {
  stands_still_ = true;
  for (auto& [number, process] : processes_) process->StandStill();
}

void ProcessTable::GoOn() {
  stands_still_ = false;
  for (auto& [number, process] : processes_) process->GoOn();
}

void ProcessTable::Signal(internal::LauncherRequest request) {
  if (auto sandbox = sandbox_.lock()) sandbox->Signal(std::move(request));
}

}  // namespace warren
