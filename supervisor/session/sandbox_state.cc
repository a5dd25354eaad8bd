#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/session/sandbox.h"

// A sandbox while it lives: paused, given other limits and a network, measured.
namespace warren {

absl::Status Sandbox::Usable() const {
  {
    MutexLock lock(&mu_);
    if (end_reason_ != StopReason::kNone || gone_) {
      return absl::FailedPreconditionError(absl::StrCat(
          "sandbox ", identity_.id, " is dead: ",
          death_reason_.empty() ? "it is being killed" : death_reason_, "; create a new one"));
    }
  }
  return pause_.runs() ? absl::OkStatus() : PausedError();
}

void Sandbox::StandStill() {
  for (const auto& context : AllContexts()) context->StandStill();
  if (auto processes = FindProcesses().second)
    host_.loop.Post([processes] { processes->StandStill(); });
}

void Sandbox::GoOn() {
  for (const auto& context : AllContexts()) context->GoOn();
  // From a task too: behind that of StandStill.
  if (auto processes = FindProcesses().second) host_.loop.Post([processes] { processes->GoOn(); });
}

// ---- Limits -----------------------------------------------------------------------------------

warren::v1::Limits Sandbox::CurrentLimits() const {
  MutexLock lock(&mu_);
  return limits_;
}

void Sandbox::ApplyLimits(const warren::v1::Limits& wanted) {
  // Field by field: another change may have come in between.
  if (wanted.memory_bytes() != 0) limits_.set_memory_bytes(wanted.memory_bytes());
  if (wanted.cpu_millis() != 0) limits_.set_cpu_millis(wanted.cpu_millis());
  if (wanted.pids() != 0) limits_.set_pids(wanted.pids());
  if (wanted.output_bytes() != 0) limits_.set_output_bytes(wanted.output_bytes());
  cpu_millis_.store(limits_.cpu_millis(), std::memory_order_relaxed);
  output_bytes_limit_.store(limits_.output_bytes(), std::memory_order_relaxed);
}

void Sandbox::ChangeLimits(const warren::v1::Limits& wanted, PauseControl::Done done) {
  internal::LauncherRequest request;
  request.mutable_set_limits()->set_sandbox_id(identity_.id);
  *request.mutable_set_limits()->mutable_limits() = wanted;
  host_.link.Call(std::move(request), [self = shared_from_this(), wanted, done = std::move(done)](
                                          absl::StatusOr<LauncherMessage> reply) mutable {
    absl::Status status = reply.status();
    if (absl::IsNotFound(status)) {
      status = absl::FailedPreconditionError(
          absl::StrCat("sandbox ", self->identity_.id, " is dead; create a new one"));
    }
    if (status.ok()) {
      MutexLock lock(&self->mu_);
      self->ApplyLimits(wanted);
    }
    done(std::move(status));
  });
}

// ---- The network ------------------------------------------------------------------------------

std::shared_ptr<SandboxNetwork> Sandbox::network() {
  MutexLock lock(&mu_);
  if (network_ == nullptr) {
    network_ = std::make_shared<SandboxNetwork>(host_, identity_.id);
    // It will not be told.
    if (gone_) network_->OnSandboxEnds();
  }
  return network_;
}

std::shared_ptr<SandboxNetwork> Sandbox::FindNetwork() const {
  MutexLock lock(&mu_);
  return network_;
}

void Sandbox::SetNetwork(warren::v1::NetworkPolicy resolved, SandboxNetwork::Done done) {
  if (absl::Status usable = Usable(); !usable.ok()) return done(std::move(usable));
  network()->Set(std::move(resolved), std::move(done));
}

void Sandbox::NoteAskedNetwork(const warren::v1::NetworkPolicy& asked) {
  auto noted = std::make_shared<const warren::v1::NetworkPolicy>(asked);
  MutexLock lock(&mu_);
  asked_network_ = std::move(noted);
}

std::shared_ptr<const warren::v1::NetworkPolicy> Sandbox::asked_network() const {
  MutexLock lock(&mu_);
  return asked_network_;
}

std::shared_ptr<SandboxPorts> Sandbox::ports() {
  MutexLock lock(&mu_);
  if (ports_ == nullptr) {
    ports_ = std::make_shared<SandboxPorts>(host_, identity_.id);
    // It will not be told.
    if (gone_) ports_->OnSandboxEnds();
  }
  return ports_;
}

std::shared_ptr<SandboxPorts> Sandbox::FindPorts() const {
  MutexLock lock(&mu_);
  return ports_;
}

// ---- Metrics ----------------------------------------------------------------------------------

void Sandbox::NoteDiskUse(int64_t bytes) {
  MutexLock lock(&mu_);
  disk_bytes_ = bytes;
}

warren::v1::SandboxMetrics Sandbox::ReadMetrics() {
  MutexLock lock(&mu_);
  const SandboxTotals totals = ReadTotalsLocked();
  warren::v1::SandboxMetrics metrics;
  *metrics.mutable_read_at() = ToProto(absl::Now());
  *metrics.mutable_cpu_user() = ToProto(totals.cpu.user);
  *metrics.mutable_cpu_system() = ToProto(totals.cpu.system);
  metrics.set_memory_bytes(stats_.ReadMemory().value_or(0));
  metrics.set_peak_memory_bytes(totals.peak_memory_bytes);
  metrics.set_memory_limit_bytes(limits_.memory_bytes());
  metrics.set_pids(stats_.ReadPids().value_or(0));
  metrics.set_pids_limit(limits_.pids());
  if (disk_bytes_) metrics.set_disk_bytes(*disk_bytes_);
  metrics.set_disk_limit_bytes(limits_.disk_bytes());
  metrics.set_cpu_millis(limits_.cpu_millis());
  metrics.set_output_bytes(totals.output_bytes);
  return metrics;
}

}  // namespace warren
