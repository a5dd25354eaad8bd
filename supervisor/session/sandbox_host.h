#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/launcher_link.h"
#include "supervisor/session/read_turns.h"
#include "supervisor/session/relay_link.h"

namespace warren {

// How many of something there may be, in all sandboxes together. Thread-safe.
class Allotment {
 public:
  explicit Allotment(int most) : most_(most) {}
  // False when there are not as many left. What was taken is returned once.
  bool TryTake(int many = 1) {
    int taken = taken_.load(std::memory_order_relaxed);
    do {
      if (taken > most_ - many) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + many, std::memory_order_relaxed));
    return true;
  }
  void Return(int many = 1) { taken_.fetch_sub(many, std::memory_order_relaxed); }
  int taken() const { return taken_.load(std::memory_order_relaxed); }
  int most() const { return most_; }

 private:
  const int most_;
  std::atomic<int> taken_{0};
};

// What all sandboxes use; outlives them.
struct SandboxHost {
  IoLoop& loop;
  LauncherLink& link;
  // Of what all of them keep waiting together.
  MemoryBudget& memory;
  // Of what is kept for clients that come back; it counts in `memory` too.
  MemoryBudget& kept_output;
  // HostFacts.pace, at least 1: what waits for a sandbox waits so many times as long.
  double pace = 1;
  // What to do about a module that a template lacks, in no word of the sandbox's; empty for
  // nothing. Thread-safe, and quick: a context calls it under its lock.
  std::function<std::string(const std::string& template_id, absl::string_view module)> module_hint;
  // Contexts that live beside the first ones, or are being started: each takes descriptors.
  Allotment further_contexts;
  // Descriptors of agents and of processes beside the contexts, which live or are being started.
  Allotment process_descriptors;
  // Connections to ports inside, open or being made.
  Allotment port_connections;
  // Cells and scripts that run now, in all sandboxes: the pool refills gently while there are any.
  std::atomic<int> running_cells{0};
  // Processes that have ended and are kept for who asks for them.
  Allotment ended_processes{1024};
  // Of the IO thread.
  ReadTurns turns;
  RelayLink relay{loop};
  // Name of the backend that they are of, as Sandbox.backend and Usage.backend tell it.
  std::string backend = "local";
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_HOST_H_
