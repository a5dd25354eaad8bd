#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/io_loop.h"
#include "supervisor/session/launcher_link.h"

namespace warren {

// What all sandboxes use; outlives them.
struct SandboxHost {
  IoLoop& loop;
  LauncherLink& link;
  // Of what all of them keep waiting together.
  MemoryBudget& memory;
  // HostFacts.pace, at least 1: what waits for a sandbox waits so many times as long.
  double pace = 1;
  // What to do about a module that a template lacks, in no word of the sandbox's; empty for
  // nothing. Thread-safe, and quick: a context calls it under its lock.
  std::function<std::string(const std::string& template_id, absl::string_view module)> module_hint;
  // Cells that run now, in all sandboxes: the pool refills gently while there are any.
  std::atomic<int> running_cells{0};
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_
