#ifndef WARREN_SUPERVISOR_FAILOVER_CREATE_ATTEMPTS_H_
#define WARREN_SUPERVISOR_FAILOVER_CREATE_ATTEMPTS_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/base/mutex.h"
#include "supervisor/failover/lost_sandboxes.h"
#include "supervisor/failover/member.h"
#include "supervisor/failover/prober.h"
#include "supervisor/failover/timers.h"

namespace warren {

// What the attempts of all creates share.
struct CreateTools {
  std::shared_ptr<Timers> timers;
  std::shared_ptr<Prober> prober;
  std::shared_ptr<LostSandboxes> lost;
  // What its times are multiplied by.
  double pace = 1;
};

// One create: asks members in their order until one makes the sandbox.
//
// It goes on to the next one after UNAVAILABLE, RESOURCE_EXHAUSTED, and a DEADLINE_EXCEEDED that is
// not the caller's; passes over those that are down, retired, or have no budget left; and gives up
// one that is slow and does not answer a probe either. Any other status is the request's fault and
// the answer. Of a member that was given up, what it makes all the same is destroyed: one create,
// one sandbox at most.
//
// Where none can: of one member alone its own answer, with its name; else RESOURCE_EXHAUSTED where
// all are full or without budget, for then the client must free something, and UNAVAILABLE where
// any is down, for then waiting may help. The message has each one's reason.
//
// Thread-safe. It keeps itself alive until it is answered. Calls nobody with its lock held.
// Lifecycle: constructor → Start → the reply, once; Cancel at any time after Start has begun.
class CreateAttempts final : public std::enable_shared_from_this<CreateAttempts> {
 public:
  struct Made {
    v1::Sandbox sandbox;
    std::shared_ptr<Member> member;
  };

  // `reply` may come with locks of a backend's held.
  CreateAttempts(CreateTools tools, std::vector<std::shared_ptr<Member>> members, Call call,
                 v1::CreateSandboxRequest request, Reply<Made> reply);

  // Not from within a reply.
  void Start();
  // Replies CANCELLED, where it has not replied yet.
  void Cancel();

 private:
  // Why a member did not make it.
  struct Refusal {
    std::shared_ptr<Member> member;
    absl::Status why;
  };

  void Run();
  // OK: it may be asked, `pass` being how.
  absl::Status WhyNot(Member& member, Circuit::Pass& pass);
  void Attempt(const std::shared_ptr<Member>& member, Circuit::Pass pass);
  void OnAnswer(uint64_t number, const std::shared_ptr<Member>& member,
                absl::StatusOr<v1::Sandbox> answer);
  // Of a member that could not. On to the next one.
  void OnFailed(const std::shared_ptr<Member>& member, const absl::Status& why);
  // It has been waited for long.
  void OnSlow(uint64_t number);
  void OnProbed(uint64_t number, const absl::Status& answer);
  void OnDeadline();
  void NoteRefusal(const std::shared_ptr<Member>& member, const absl::Status& why);
  void ArmSlow(uint64_t number, absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool CurrentLocked(uint64_t number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The attempt that is under way is nobody's any more; its operation, to be cancelled.
  std::shared_ptr<Operation> GiveUpLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(absl::StatusOr<Made> answer);
  absl::Status WhyNone();
  // The call's own deadline is over.
  bool Late() const;

  const CreateTools tools_;
  const std::vector<std::shared_ptr<Member>> members_;
  const Call call_;
  const v1::CreateSandboxRequest request_;
  Mutex mu_;
  // Null once it has been called.
  Reply<Made> reply_ ABSL_GUARDED_BY(mu_);
  // The member that is asked, or is to be.
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  // Of the last attempt.
  uint64_t attempt_ ABSL_GUARDED_BY(mu_) = 0;
  // One that nobody waited for any more before its Create had returned; 0 for none.
  uint64_t given_up_ ABSL_GUARDED_BY(mu_) = 0;
  // It waits for its answer.
  bool pending_ ABSL_GUARDED_BY(mu_) = false;
  bool trial_ ABSL_GUARDED_BY(mu_) = false;
  // The backend's; null until its Create has returned.
  std::shared_ptr<Operation> operation_ ABSL_GUARDED_BY(mu_);
  std::vector<Refusal> refusals_ ABSL_GUARDED_BY(mu_);
  TimerId slow_ ABSL_GUARDED_BY(mu_) = 0;
  TimerId deadline_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_CREATE_ATTEMPTS_H_
