#include "supervisor/pool/pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

// What to make, and when. How a single sandbox is made is in launch.cc.
namespace warren {
namespace {

// Refills at the same time on an idle host: one waits for the kernel while the other computes.
constexpr int kIdleRefills = 2;
// A pool that holds more than its target gives one back this often.
constexpr std::chrono::seconds kTrimInterval{2};
// A used template keeps one sandbox ready, whatever its demand.
constexpr int kReadyWhenUsed = 1;

// It lives, and so does the context that it was made with.
bool IsFresh(const Sandbox& sandbox) {
  const auto context = sandbox.FindContext("");
  return sandbox.alive() && context != nullptr && context->alive();
}

}  // namespace

Pool::Pool(SandboxHost& host, SandboxTable& table, internal::HostFacts facts,
           std::map<std::string, PoolTemplate> templates, PoolOptions options)
    : host_(host), table_(table), facts_(std::move(facts)), options_(std::move(options)) {
  for (auto& [name, what] : templates) {
    auto& pool = pools_
                     .emplace(std::piecewise_construct, std::forward_as_tuple(name),
                              std::forward_as_tuple(std::move(what), options_.generations))
                     .first->second;
    auto configured = options_.ready.find(name);
    if (configured != options_.ready.end()) pool.bounds = configured->second;
  }
}

void Pool::Start() {
  MutexLock lock(&mu_);
  Pump(MonotonicClock::now());
}

void Pool::Stop() {
  MutexLock lock(&mu_);
  stopped_ = true;
  for (auto& [name, pool] : pools_) {
    FailWaiters(pool, absl::UnavailableError("the supervisor is stopping"));
  }
  host_.loop.CancelTimer(pump_timer_);
}

// ---- Asked by clients -------------------------------------------------------------------------

std::shared_ptr<Sandbox> Pool::Take(const std::string& template_id) {
  MutexLock lock(&mu_);
  auto found = pools_.find(template_id);
  if (found == pools_.end() || stopped_) return nullptr;
  TemplatePool& pool = found->second;
  const MonotonicTime now = MonotonicClock::now();
  pool.demand.NoteCreate(now);
  pool.used = true;
  // The caller's first cell is about to come: it has the cores first, unless the next create would
  // find nothing.
  if (pool.ready.size() > 1) {
    const auto delay =
        std::chrono::duration_cast<MonotonicTime::duration>(kRefillDelay * host_.pace);
    refill_not_before_ = std::max(refill_not_before_, now + delay);
  }
  while (!pool.ready.empty()) {
    std::shared_ptr<Sandbox> sandbox = std::move(pool.ready.front());
    pool.ready.pop_front();
    PostPump();
    if (!IsFresh(*sandbox)) {
      sandbox->Destroy(StopReason::kDestroyed);
      continue;
    }
    ++pool.hits;
    return sandbox;
  }
  return nullptr;
}

Pool::Ticket Pool::Make(const std::string& template_id, const warren::v1::Limits& limits,
                        MadeCallback on_made) {
  auto ticket = std::make_shared<Waiter>();
  ticket->limits = limits;
  ticket->limits_key = limits.SerializeAsString();
  ticket->since = MonotonicClock::now();
  ticket->on_made = std::move(on_made);
  absl::Status admitted;
  {
    MutexLock lock(&mu_);
    admitted = Admit(template_id, ticket);
  }
  if (admitted.ok()) return ticket;
  ticket->Answer(std::move(admitted));
  return nullptr;
}

absl::Status Pool::Admit(const std::string& template_id, const Ticket& ticket) {
  if (stopped_) return absl::UnavailableError("the supervisor is stopping");
  auto found = pools_.find(template_id);
  if (found == pools_.end()) {
    return absl::NotFoundError(absl::StrCat("no template \"", template_id, "\""));
  }
  if (table_.leased() + waiting() >= static_cast<size_t>(options_.max_sandboxes)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "all ", options_.max_sandboxes,
        " sandboxes are taken; destroy some, or start warrend with a higher --max-sandboxes"));
  }
  TemplatePool& pool = found->second;
  if (absl::Status why = pool.zygotes.Hindrance(ticket->since); !why.ok()) return why;
  ++pool.misses;
  pool.used = true;
  ticket->pool = &pool;
  ticket->waiting = true;
  ticket->takes_default = ticket->limits_key == pool.default_key;
  if (ticket->takes_default) {
    pool.common_waiters.push_back(ticket);
    pool.demand.NoteWaiting(static_cast<int>(pool.common_waiters.size()), ticket->since);
  } else {
    pool.own_waiters.push_back(ticket);
  }
  PostPump();
  return absl::OkStatus();
}

void Pool::Cancel(const Ticket& ticket) {
  {
    MutexLock lock(&mu_);
    if (!ticket->waiting) return;
    TakeOff(*ticket->pool, ticket);
    PostPump();
  }
  ticket->Answer(absl::CancelledError("the create was cancelled before its sandbox was made"));
}

void Pool::TakeOff(TemplatePool& pool, const Ticket& ticket) {
  ticket->waiting = false;
  auto& waiters = ticket->takes_default ? pool.common_waiters : pool.own_waiters;
  waiters.erase(std::find(waiters.begin(), waiters.end(), ticket));
}

Pool::Ticket Pool::WaiterFor(const Launch& launch) const {
  const TemplatePool& pool = *launch.pool;
  if (!launch.owner) return pool.common_waiters.empty() ? nullptr : pool.common_waiters.front();
  if (launch.owner->waiting) return launch.owner;
  // Its caller has left; the next who asked for the same has it sooner so.
  auto same = std::find_if(
      pool.own_waiters.begin(), pool.own_waiters.end(),
      [&](const Ticket& each) { return each->limits_key == launch.owner->limits_key; });
  return same == pool.own_waiters.end() ? nullptr : *same;
}

void Pool::GiveBack(std::shared_ptr<Sandbox> sandbox) {
  MutexLock lock(&mu_);
  TemplatePool& pool = pools_.at(sandbox->identity().template_id);
  KeepOrDestroy(pool, std::move(sandbox));
}

void Pool::KeepOrDestroy(TemplatePool& pool, std::shared_ptr<Sandbox> sandbox) {
  // Nobody has seen it: as good as new, if it is of the common kind.
  const bool common = sandbox->identity().limits.SerializeAsString() == pool.default_key;
  if (!stopped_ && common && IsFresh(*sandbox) &&
      static_cast<int>(pool.ready.size()) < MostReady(pool)) {
    pool.ready.push_back(std::move(sandbox));
    PostPump();
  } else {
    sandbox->Destroy(stopped_ ? StopReason::kShutdown : StopReason::kDestroyed);
  }
}

std::vector<warren::v1::PoolStatus> Pool::Status() const {
  MutexLock lock(&mu_);
  std::vector<warren::v1::PoolStatus> result;
  for (const auto& [name, pool] : pools_) {
    warren::v1::PoolStatus status;
    status.set_template_id(name);
    status.set_ready(static_cast<int>(pool.ready.size()));
    status.set_starting(pool.making);
    status.set_target(Target(pool, MonotonicClock::now()));
    status.set_zygote_generation(pool.zygotes.number());
    status.set_zygote_forks(pool.zygotes.forks());
    status.set_hits(pool.hits);
    status.set_misses(pool.misses);
    result.push_back(std::move(status));
  }
  return result;
}

std::string Pool::PythonVersion(const std::string& template_id) const {
  MutexLock lock(&mu_);
  auto found = pools_.find(template_id);
  return found == pools_.end() ? "" : found->second.python_version;
}

// ---- Events -----------------------------------------------------------------------------------

void Pool::OnZygoteExited(uint64_t zygote_id, const std::string& reason) {
  MutexLock lock(&mu_);
  MonotonicTime now = MonotonicClock::now();
  for (auto& [name, pool] : pools_) {
    if (pool.zygotes.Exited(zygote_id, now)) {
      spdlog::warn("event=zygote_died zygote={} template={} reason=\"{}\"", zygote_id, name,
                   absl::CEscape(reason));
    }
  }
  Pump(now);
}

void Pool::OnSandboxGone() {
  MutexLock lock(&mu_);
  PostPump();
}

void Pool::OnDeath(TemplatePool& pool, const Sandbox* sandbox) {
  MutexLock lock(&mu_);
  auto dead = std::find_if(pool.ready.begin(), pool.ready.end(),
                           [&](const auto& ready) { return ready.get() == sandbox; });
  if (dead == pool.ready.end()) return;
  spdlog::warn("event=died_in_pool sandbox={} reason=\"{}\"", sandbox->identity().id,
               absl::CEscape(sandbox->FindContext("")->death_reason()));
  // Without its context it is of no use to anybody.
  std::shared_ptr<Sandbox> useless = std::move(*dead);
  pool.ready.erase(dead);
  useless->Destroy(StopReason::kDestroyed);
  PostPump();
}

// ---- Decisions --------------------------------------------------------------------------------

void Pool::PostPump() {
  if (std::exchange(pump_posted_, true)) return;
  host_.loop.Post([this] {
    MutexLock lock(&mu_);
    pump_posted_ = false;
    Pump(MonotonicClock::now());
  });
}

void Pool::PumpAt(MonotonicTime when) {
  if (when >= pump_time_) return;
  host_.loop.CancelTimer(pump_timer_);
  pump_time_ = when;
  pump_timer_ = host_.loop.AddTimer(when, [this] {
    MutexLock lock(&mu_);
    pump_time_ = MonotonicTime::max();
    Pump(MonotonicClock::now());
  });
}

void Pool::Pump(MonotonicTime now) {
  if (stopped_) return;
  for (auto& [name, pool] : pools_) {
    PumpZygote(pool, now);
    absl::Status hindrance = pool.zygotes.Hindrance(now);
    if (!hindrance.ok()) FailWaiters(pool, hindrance);
    ServeBorrowers(pool);
  }
  MakeRoom();
  LaunchForWaiters();
  for (auto& [name, pool] : pools_) Trim(pool, now);
  if (waiting() > 0) return;
  // One for each in turn, so that a template with a large target does not starve the others.
  bool any = true;
  while (any) {
    any = false;
    for (auto& [name, pool] : pools_) any = Refill(pool, now) || any;
  }
}

void Pool::PumpZygote(TemplatePool& pool, MonotonicTime now) {
  for (uint64_t old : pool.zygotes.TakeFinished()) {
    internal::LauncherRequest request;
    request.mutable_stop_zygote()->set_zygote_id(old);
    host_.link.Call(std::move(request), nullptr);
  }
  const bool needed =
      pool.bounds.minimum > 0 || pool.used || pool.waiting() > 0 || !pool.borrowers.empty();
  if (!needed || !pool.what.source.unavailable.empty()) return;
  if (pool.zygotes.WantsStart(now)) StartZygote(pool);
  if (auto next = pool.zygotes.NextChange(now)) PumpAt(*next);
}

void Pool::LaunchForWaiters() {
  // As many in a row as there are pools without anything to launch: nobody is left.
  for (size_t idle = 0; idle < pools_.size(); turn_ = (turn_ + 1) % pools_.size()) {
    if (launches_ >= options_.max_launches || !HasRoom()) return;
    idle = LaunchNextOf(std::next(pools_.begin(), static_cast<ptrdiff_t>(turn_))->second)
               ? 0
               : idle + 1;
  }
}

bool Pool::LaunchNextOf(TemplatePool& pool) {
  if (pool.zygotes.current() == 0) return false;
  // Launches that are under way, refills too, serve the first ones.
  const bool common = static_cast<int>(pool.common_waiters.size()) > pool.making;
  auto own = std::find_if(pool.own_waiters.begin(), pool.own_waiters.end(),
                          [](const Ticket& each) { return !each->launched; });
  if (own == pool.own_waiters.end() && !common) return false;
  pool.served_own = own != pool.own_waiters.end() && (!common || !pool.served_own);
  if (pool.served_own) {
    (*own)->launched = true;
    BeginLaunch(pool, *own, false);
  } else {
    BeginLaunch(pool, nullptr, false);
  }
  return true;
}

int Pool::MostReady(const TemplatePool& pool) const {
  const int64_t affordable = options_.memory_budget / std::max<int64_t>(pool.memory_each, 1);
  // The other half of the slots is for leased sandboxes in any case.
  return static_cast<int>(
      std::min<int64_t>({pool.bounds.maximum, affordable, options_.max_sandboxes / 2}));
}

int Pool::Target(const TemplatePool& pool, MonotonicTime now) const {
  const int floor = std::max(pool.bounds.minimum, pool.used ? kReadyWhenUsed : 0);
  return std::min(floor + pool.demand.Extra(now), MostReady(pool));
}

bool Pool::Refill(TemplatePool& pool, MonotonicTime now) {
  const int have = static_cast<int>(pool.ready.size()) + pool.making;
  if (have >= Target(pool, now) || pool.zygotes.current() == 0 || !HasRoom()) return false;
  const bool busy = host_.running_cells.load(std::memory_order_relaxed) > 0;
  if (refills_ >= (busy ? 1 : kIdleRefills) || launches_ >= options_.max_launches) return false;
  const MonotonicTime not_before = std::max(refill_not_before_, busy ? next_refill_ : now);
  if (now < not_before) {
    PumpAt(not_before);
    return false;
  }
  BeginLaunch(pool, nullptr, true);
  return true;
}

void Pool::Trim(TemplatePool& pool, MonotonicTime now) {
  const int surplus = static_cast<int>(pool.ready.size()) - Target(pool, now);
  if (surplus <= 0) return;
  // Demand fades slowly, and so does the surplus: one at a time. Also when this run was brought
  // about by something else.
  if (now >= pool.next_trim) {
    pool.ready.front()->Destroy(StopReason::kDestroyed);
    pool.ready.pop_front();
    pool.next_trim = now + kTrimInterval;
  }
  PumpAt(pool.next_trim);
}

void Pool::CountUnleased(int change) {
  MutexLock lock(&mu_);
  unleased_ += change;
}

bool Pool::HasRoom() const {
  return table_.existing() + static_cast<size_t>(unanswered_) <
         static_cast<size_t>(options_.max_sandboxes);
}

// Slots that the pools hold are for those who wait.
void Pool::MakeRoom() {
  const size_t wanted = waiting();
  size_t ready = 0;
  for (const auto& [name, pool] : pools_) ready += pool.ready.size();
  const size_t making = static_cast<size_t>(launches_);
  const size_t existing = table_.existing() + static_cast<size_t>(unanswered_);
  const size_t slots = static_cast<size_t>(options_.max_sandboxes);
  // Those that are neither ready, nor leased, nor in the making are on their way out.
  const size_t accounted = table_.leased() + static_cast<size_t>(unleased_) + ready + making;
  size_t leaving = existing - std::min(existing, accounted);
  size_t room = slots - std::min(slots, existing) + leaving + making;
  while (wanted > room && ready > 0) {
    auto fullest = std::max_element(pools_.begin(), pools_.end(), [](const auto& a, const auto& b) {
      return a.second.ready.size() < b.second.ready.size();
    });
    fullest->second.ready.front()->Destroy(StopReason::kDestroyed);
    fullest->second.ready.pop_front();
    --ready;
    ++room;
  }
}

size_t Pool::waiting() const {
  size_t sum = 0;
  for (const auto& [name, pool] : pools_) sum += pool.waiting();
  return sum;
}

void Pool::FailWaiters(TemplatePool& pool, const absl::Status& why) {
  for (auto* waiters : {&pool.common_waiters, &pool.own_waiters}) {
    for (Ticket& ticket : std::exchange(*waiters, {})) {
      ticket->waiting = false;
      host_.loop.Post([ticket, why] { ticket->Answer(why); });
    }
  }
  for (LentCallback& on_lent : std::exchange(pool.borrowers, {})) {
    host_.loop.Post([on_lent = std::move(on_lent), why]() mutable { on_lent(why); });
  }
}

}  // namespace warren
