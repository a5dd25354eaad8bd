#ifndef WARREN_SUPERVISOR_FAILOVER_PROBER_H_
#define WARREN_SUPERVISOR_FAILOVER_PROBER_H_

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "runtime/base/mutex.h"
#include "supervisor/failover/member.h"
#include "supervisor/failover/timers.h"

namespace warren {

// Asks members whether they are there: each of those that it watches every so often, and when its
// circuit is to be tried again; and any whenever somebody wants to know. Of one member one probe is
// under way, and who asks meanwhile gets its answer. Circuits hear of every answer; one that does
// not come within the probe's time is a failure.
//
// Thread-safe; holds no lock while it calls anybody. Its destruction ends the watching.
class Prober : public std::enable_shared_from_this<Prober> {
 public:
  // OK, or why the member cannot be reached.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // The times of probes are multiplied by `pace`. `on_answered` is told of each member that has
  // answered or failed to, after its circuit, on the timers' thread.
  Prober(std::shared_ptr<Timers> timers, double pace,
         std::function<void(const std::shared_ptr<Member>&)> on_answered);
  ~Prober();

  // From now on, the first time at once. Not from within a reply.
  void Watch(const std::shared_ptr<Member>& member);
  void Unwatch(const std::shared_ptr<Member>& member);
  // `done`, which may be null, is called on the timers' thread. Not from within a reply.
  void Ask(const std::shared_ptr<Member>& member, Done done);

 private:
  struct Probing {
    bool watched = false;
    // 0: none is under way.
    uint64_t number = 0;
    MonotonicTime began;
    TimerId bound = 0;
    TimerId next = 0;
    std::vector<Done> waiting;
  };

  void OnAnswer(const std::shared_ptr<Member>& member, uint64_t number, absl::Status answer);
  void Schedule(const std::shared_ptr<Member>& member);

  const std::shared_ptr<Timers> timers_;
  const double pace_;
  const std::function<void(const std::shared_ptr<Member>&)> on_answered_;
  Mutex mu_;
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<std::shared_ptr<Member>, Probing> probing_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_PROBER_H_
