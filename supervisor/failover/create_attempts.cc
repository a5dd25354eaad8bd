#include "supervisor/failover/create_attempts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

// A member that has not answered a create for so long is probed, where there is another.
constexpr absl::Duration kSlowCreate = absl::Milliseconds(250);
// And again.
constexpr absl::Duration kProbeSlowAgain = absl::Seconds(1);

// It could not, and another may.
bool MeansNext(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

CreateAttempts::CreateAttempts(CreateTools tools, std::vector<std::shared_ptr<Member>> members,
                               Call call, v1::CreateSandboxRequest request, Reply<Made> reply)
    : tools_(std::move(tools)),
      members_(std::move(members)),
      call_(std::move(call)),
      request_(std::move(request)),
      reply_(std::move(reply)) {}

void CreateAttempts::Start() {
  if (call_.deadline < absl::InfiniteFuture()) {
    MutexLock lock(&mu_);
    deadline_ =
        tools_.timers->After(call_.deadline - tools_.timers->WallNow(), [self = weak_from_this()] {
          if (auto attempts = self.lock()) attempts->OnDeadline();
        });
  }
  Run();
}

bool CreateAttempts::Late() const { return tools_.timers->WallNow() >= call_.deadline; }

void CreateAttempts::Run() {
  for (;;) {
    std::shared_ptr<Member> member;
    {
      MutexLock lock(&mu_);
      if (reply_ == nullptr) return;
      if (next_ < members_.size()) member = members_[next_];
    }
    if (member == nullptr) return Finish(WhyNone());
    Circuit::Pass pass = Circuit::Pass::kNo;
    const absl::Status why_not = WhyNot(*member, pass);
    if (why_not.ok()) return Attempt(member, pass);
    NoteRefusal(member, why_not);
  }
}

absl::Status CreateAttempts::WhyNot(Member& member, Circuit::Pass& pass) {
  if (member.retired()) return absl::UnavailableError("the configuration has it no more");
  const std::optional<BudgetState> budget = member.Budget();
  if (budget.has_value() && budget->spent) return absl::ResourceExhaustedError(kBudgetSpent);
  // The last question, for whoever gets the trial is to use it.
  pass = member.TryPass(tools_.timers->Now());
  if (pass != Circuit::Pass::kNo) return absl::OkStatus();
  const absl::Status problem = member.problem();
  return absl::UnavailableError(problem.ok() ? "it is down" : problem.message());
}

void CreateAttempts::Attempt(const std::shared_ptr<Member>& member, Circuit::Pass pass) {
  uint64_t number = 0;
  std::vector<Refusal> passed;
  {
    MutexLock lock(&mu_);
    if (reply_ != nullptr) {
      number = ++attempt_;
      pending_ = true;
      trial_ = pass == Circuit::Pass::kTrial;
      passed = refusals_;
    }
  }
  // Cancelled meanwhile.
  if (number == 0) {
    if (pass == Circuit::Pass::kTrial) member->EndTrial();
    return;
  }
  if (!passed.empty()) {
    spdlog::info("event=create_passed_on from={} to={} reason=\"{}\"", passed.back().member->name(),
                 member->name(), absl::CEscape(passed.back().why.message()));
  }
  std::shared_ptr<Operation> operation = member->backend().Create(
      call_, request_,
      [self = shared_from_this(), number, member](absl::StatusOr<v1::Sandbox> answer) {
        self->OnAnswer(number, member, std::move(answer));
      });
  bool given_up = false;
  {
    MutexLock lock(&mu_);
    if (CurrentLocked(number)) {
      operation_ = operation;
      if (next_ + 1 < members_.size()) ArmSlow(number, kSlowCreate * tools_.pace);
    } else {
      // By Cancel or the deadline, on another thread.
      given_up = given_up_ == number;
    }
  }
  if (given_up) operation->Cancel();
}

bool CreateAttempts::CurrentLocked(uint64_t number) const {
  return reply_ != nullptr && pending_ && attempt_ == number;
}

void CreateAttempts::ArmSlow(uint64_t number, absl::Duration delay) {
  slow_ = tools_.timers->After(delay, [self = weak_from_this(), number] {
    if (auto attempts = self.lock()) attempts->OnSlow(number);
  });
}

std::shared_ptr<Operation> CreateAttempts::GiveUpLocked() {
  pending_ = false;
  tools_.timers->Cancel(std::exchange(slow_, 0));
  return std::exchange(operation_, nullptr);
}

void CreateAttempts::OnAnswer(uint64_t number, const std::shared_ptr<Member>& member,
                              absl::StatusOr<v1::Sandbox> answer) {
  std::shared_ptr<Operation> operation;
  bool current = false;
  {
    MutexLock lock(&mu_);
    current = CurrentLocked(number);
    if (current) operation = GiveUpLocked();
  }
  if (!current) {
    if (answer.ok()) tools_.lost->Add(member, answer->sandbox_id());
    return;
  }
  if (answer.ok()) {
    member->OnAnswered();
    return Finish(Made{*std::move(answer), member});
  }
  const absl::Status& why = answer.status();
  if (absl::IsCancelled(why) || (absl::IsDeadlineExceeded(why) && Late())) {
    member->EndTrial();
    return Finish(why);
  }
  if (!MeansNext(why)) {
    member->OnAnswered();
    return Finish(why);
  }
  // It is in a reply: the next one is asked from elsewhere.
  tools_.timers->Post([self = shared_from_this(), member, why] { self->OnFailed(member, why); });
}

void CreateAttempts::OnFailed(const std::shared_ptr<Member>& member, const absl::Status& why) {
  member->CountFailure();
  if (absl::IsResourceExhausted(why)) {
    member->OnAnswered();
  } else {
    member->OnFailure(tools_.timers->Now(), why);
    // Whether its sandboxes can be reached: that its creates fail does not tell.
    if (member->down()) tools_.prober->Ask(member, nullptr);
  }
  NoteRefusal(member, why);
  if (Late()) return OnDeadline();
  Run();
}

void CreateAttempts::NoteRefusal(const std::shared_ptr<Member>& member, const absl::Status& why) {
  MutexLock lock(&mu_);
  refusals_.push_back(Refusal{member, why});
  if (++next_ < members_.size()) member->CountPassedOn();
}

void CreateAttempts::OnSlow(uint64_t number) {
  std::shared_ptr<Member> member;
  {
    MutexLock lock(&mu_);
    if (!CurrentLocked(number)) return;
    member = members_[next_];
  }
  tools_.prober->Ask(member, [self = weak_from_this(), number](const absl::Status& answer) {
    if (auto attempts = self.lock()) attempts->OnProbed(number, answer);
  });
}

void CreateAttempts::OnProbed(uint64_t number, const absl::Status& answer) {
  std::shared_ptr<Member> member;
  std::shared_ptr<Operation> operation;
  {
    MutexLock lock(&mu_);
    if (!CurrentLocked(number)) return;
    // It is there, and takes its time.
    if (answer.ok()) return ArmSlow(number, kProbeSlowAgain * tools_.pace);
    member = members_[next_];
    operation = GiveUpLocked();
  }
  // The probe was counted by the circuit.
  member->CountFailure();
  NoteRefusal(member, answer);
  // Its reply, which may come from within, finds that nobody waits for it.
  if (operation != nullptr) operation->Cancel();
  Run();
}

void CreateAttempts::OnDeadline() {
  Finish(absl::DeadlineExceededError("no backend made it within the call's deadline"));
}

void CreateAttempts::Cancel() { Finish(absl::CancelledError("the client went away")); }

void CreateAttempts::Finish(absl::StatusOr<Made> answer) {
  Reply<Made> reply;
  std::shared_ptr<Operation> operation;
  std::shared_ptr<Member> tried;
  {
    MutexLock lock(&mu_);
    reply = std::exchange(reply_, nullptr);
    tools_.timers->Cancel(deadline_);
    if (reply != nullptr && pending_) {
      if (trial_) tried = members_[next_];
      given_up_ = attempt_;
      operation = GiveUpLocked();
    }
  }
  if (reply == nullptr) {
    // A cancel came between the backend's answer and this.
    if (answer.ok()) tools_.lost->Add(answer->member, answer->sandbox.sandbox_id());
    return;
  }
  if (answer.ok()) answer->member->CountCreate();
  if (tried != nullptr) tried->EndTrial();
  if (operation != nullptr) operation->Cancel();
  reply(std::move(answer));
}

absl::Status CreateAttempts::WhyNone() {
  std::vector<Refusal> refusals;
  {
    MutexLock lock(&mu_);
    refusals = refusals_;
  }
  if (refusals.size() == 1) {
    return absl::Status(refusals.front().why.code(),
                        absl::StrCat("backend ", refusals.front().member->name(), ": ",
                                     refusals.front().why.message()));
  }
  const bool full = !refusals.empty() &&
                    std::all_of(refusals.begin(), refusals.end(), [](const Refusal& refusal) {
                      return absl::IsResourceExhausted(refusal.why);
                    });
  std::string message =
      absl::StrCat("no backend can make it: ",
                   absl::StrJoin(refusals, "; ", [](std::string* out, const Refusal& refusal) {
                     absl::StrAppend(out, refusal.member->name(), ": ", refusal.why.message());
                   }));
  if (full) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

}  // namespace warren
