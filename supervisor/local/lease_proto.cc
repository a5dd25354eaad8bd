#include "supervisor/local/lease_proto.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"

namespace warren {

warren::v1::Sandbox ToProto(const Lease& lease, MemoryReading memory) {
  const Sandbox& from = *lease.sandbox;
  warren::v1::Sandbox sandbox;
  sandbox.set_sandbox_id(from.identity().id);
  sandbox.set_template_id(from.identity().template_id);
  // In this order: what ends a context ends it before it says why.
  const bool alive = from.alive();
  const std::string reason = from.death_reason();
  const bool dead = !alive || !reason.empty();
  sandbox.set_state(dead                     ? warren::v1::Sandbox::DEAD
                    : lease.left.has_value() ? warren::v1::Sandbox::PAUSED
                                             : warren::v1::Sandbox::RUNNING);
  sandbox.set_reason(dead && reason.empty() ? "it is being killed" : reason);
  *sandbox.mutable_created_at() = ToProto(lease.created_at);
  *sandbox.mutable_expires_at() = ToProto(lease.expires_at());
  *sandbox.mutable_lifetime() = ToProto(lease.lifetime.length);
  sandbox.set_lifetime_from(lease.lifetime.from);
  sandbox.set_on_expiry(lease.lifetime.on_expiry);
  sandbox.mutable_metadata()->insert(lease.metadata.begin(), lease.metadata.end());
  *sandbox.mutable_limits() = from.CurrentLimits();
  sandbox.set_default_context_id(kDefaultContextId);
  if (memory == MemoryReading::kCurrent) sandbox.set_memory_bytes(from.ReadMemory());
  sandbox.set_from_pool(lease.from_pool);
  sandbox.set_profile(from.identity().profile);
  sandbox.set_backend(from.backend());
  return sandbox;
}

warren::v1::Usage LifetimeUsage(const Lease& lease, const SandboxTotals& totals) {
  warren::v1::Usage usage;
  *usage.mutable_wall() = ToProto(std::max(absl::Now() - lease.created_at, absl::ZeroDuration()));
  *usage.mutable_cpu_user() = ToProto(totals.cpu.user);
  *usage.mutable_cpu_system() = ToProto(totals.cpu.system);
  usage.set_peak_memory_bytes(totals.peak_memory_bytes);
  usage.set_peak_pids(totals.peak_pids);
  usage.set_output_bytes(totals.output_bytes);
  usage.set_backend(lease.sandbox->backend());
  *usage.mutable_sandbox_time() = ToProto(lease.RanUntil(MonotonicClock::now()));
  return usage;
}

warren::v1::Context ToProto(const std::string& sandbox_id, const Context& context) {
  warren::v1::Context result;
  result.set_context_id(context.id());
  result.set_sandbox_id(sandbox_id);
  const ContextSpec spec = context.spec();
  result.set_language(spec.language);
  // In this order: what ends it ends it before it says why.
  result.set_alive(context.alive());
  if (!result.alive()) {
    const std::string reason = context.death_reason();
    result.set_reason(reason.empty() ? "it is being killed" : reason);
  }
  result.set_execution_count(context.execution_count());
  result.set_working_directory(spec.working_directory);
  *result.mutable_created_at() = ToProto(spec.created_at);
  return result;
}

}  // namespace warren
