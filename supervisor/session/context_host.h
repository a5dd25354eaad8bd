#ifndef WARREN_SUPERVISOR_SESSION_CONTEXT_HOST_H_
#define WARREN_SUPERVISOR_SESSION_CONTEXT_HOST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "supervisor/session/sandbox_stats.h"
#include "supervisor/session/termination.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

class Context;

// What a sandbox used in its whole life.
struct SandboxTotals {
  CpuTime cpu;
  int64_t peak_memory_bytes = 0;
  int64_t peak_pids = 0;
  int64_t output_bytes = 0;
};

// What a context asks of the sandbox that it lives in: a context knows its pipes and its cells, and
// nothing of the launcher.
//
// Called with the context's lock held; the implementation may lock itself, and no context.
class ContextHost {
 public:
  // How far a kill reaches.
  enum class Reach { kContext, kSandbox };

  virtual const std::string& id() const = 0;
  virtual const std::string& template_id() const = 0;
  // Those that cannot be changed while it lives, as it was made with; and as they are now.
  virtual const warren::v1::Limits& limits() const = 0;
  virtual int32_t cpu_millis() const = 0;
  virtual int64_t output_bytes_limit() const = 0;

  // SIGINT to the context. `on_sent` runs on the IO thread when nothing of it can reach a cell that
  // begins later.
  virtual void Interrupt(Context& context, absl::AnyInvocable<void()> on_sent) = 0;
  // SIGKILL to the context, or to the sandbox where `reason` is the sandbox's. Its exit follows.
  virtual Reach Kill(Context& context, StopReason reason) = 0;
  // The context is dead; its last cell is told after that. Called once, on the IO thread. `why` is
  // for people. kSandbox: what ended it ends the sandbox.
  virtual void OnDead(Context& context, const std::string& why, Reach reach) = 0;

  // Of the whole sandbox; the last values that could be read.
  virtual CpuTime ReadCpu() = 0;
  virtual SandboxTotals ReadTotals() = 0;
  virtual void CountOutput(int64_t bytes) = 0;
  virtual std::optional<int64_t> ReadOomKills() = 0;

 protected:
  ~ContextHost() = default;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_CONTEXT_HOST_H_
