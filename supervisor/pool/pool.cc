#include "supervisor/pool/pool.h"

#include <algorithm>
#include <utility>

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
  std::lock_guard lock(mu_);
  Pump(MonotonicClock::now());
}

void Pool::Stop() {
  std::lock_guard lock(mu_);
  stopped_ = true;
  for (auto& [name, pool] : pools_) {
    FailWaiters(pool, absl::UnavailableError("the supervisor is stopping"));
  }
  host_.loop.CancelTimer(pump_timer_);
}

// ---- Asked by clients -------------------------------------------------------------------------

std::shared_ptr<Sandbox> Pool::Take(const std::string& template_id) {
  std::lock_guard lock(mu_);
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
    if (!sandbox->alive()) continue;
    ++pool.hits;
    return sandbox;
  }
  return nullptr;
}

void Pool::Make(const std::string& template_id, const warren::v1::Limits& limits,
                MadeCallback on_made) {
  auto waiter = std::make_shared<Waiter>();
  waiter->limits = limits;
  waiter->since = MonotonicClock::now();
  waiter->on_made = std::move(on_made);
  absl::Status refused;
  {
    std::lock_guard lock(mu_);
    auto found = pools_.find(template_id);
    size_t waiting = 0;
    for (const auto& [name, pool] : pools_) waiting += pool.waiters.size();
    if (stopped_) {
      refused = absl::UnavailableError("the supervisor is stopping");
    } else if (found == pools_.end()) {
      refused = absl::NotFoundError(absl::StrCat("no template \"", template_id, "\""));
    } else if (table_.leased() + waiting >= static_cast<size_t>(options_.max_sandboxes)) {
      refused = absl::ResourceExhaustedError(absl::StrCat(
          "all ", options_.max_sandboxes,
          " sandboxes are taken; destroy some, or start warrend with a higher --max-sandboxes"));
    } else {
      TemplatePool& pool = found->second;
      refused = pool.zygotes.Hindrance(waiter->since);
      if (refused.ok()) {
        ++pool.misses;
        pool.used = true;
        waiter->takes_default =
            limits.SerializeAsString() == pool.what.default_limits.SerializeAsString();
        pool.waiters.push_back(waiter);
        if (waiter->takes_default) {
          pool.demand.NoteWaiting(static_cast<int>(pool.waiters.size()), waiter->since);
        }
        PostPump();
      }
    }
  }
  if (!refused.ok()) waiter->on_made(std::move(refused));
}

void Pool::GiveBack(std::shared_ptr<Sandbox> sandbox) {
  // Nobody has seen it: as good as new, if it is of the common kind.
  std::lock_guard lock(mu_);
  TemplatePool& pool = pools_.at(sandbox->identity().template_id);
  const bool common = sandbox->identity().limits.SerializeAsString() ==
                      pool.what.default_limits.SerializeAsString();
  if (common && !stopped_ && sandbox->alive()) {
    pool.ready.push_back(std::move(sandbox));
    PostPump();
  } else {
    sandbox->Destroy(StopReason::kDestroyed);
  }
}

std::vector<warren::v1::PoolStatus> Pool::Status() const {
  std::lock_guard lock(mu_);
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
  std::lock_guard lock(mu_);
  auto found = pools_.find(template_id);
  return found == pools_.end() ? "" : found->second.python_version;
}

// ---- Events -----------------------------------------------------------------------------------

void Pool::OnZygoteExited(uint64_t zygote_id, const std::string& reason) {
  std::lock_guard lock(mu_);
  MonotonicTime now = MonotonicClock::now();
  for (auto& [name, pool] : pools_) {
    if (pool.zygotes.Exited(zygote_id, now)) {
      spdlog::warn("zygote {} of template {} died: {}", zygote_id, name, reason);
    }
  }
  Pump(now);
}

void Pool::OnSandboxGone() {
  std::lock_guard lock(mu_);
  PostPump();
}

void Pool::OnDeath(TemplatePool& pool, const Sandbox* sandbox) {
  std::lock_guard lock(mu_);
  auto dead = std::find_if(pool.ready.begin(), pool.ready.end(),
                           [&](const auto& ready) { return ready.get() == sandbox; });
  if (dead == pool.ready.end()) return;
  spdlog::warn("sandbox {}: died in the pool: {}", sandbox->identity().id, sandbox->death_reason());
  pool.ready.erase(dead);
  PostPump();
}

// ---- Decisions --------------------------------------------------------------------------------

void Pool::PostPump() {
  if (std::exchange(pump_posted_, true)) return;
  host_.loop.Post([this] {
    std::lock_guard lock(mu_);
    pump_posted_ = false;
    Pump(MonotonicClock::now());
  });
}

void Pool::PumpAt(MonotonicTime when) {
  if (when >= pump_time_) return;
  host_.loop.CancelTimer(pump_timer_);
  pump_time_ = when;
  pump_timer_ = host_.loop.AddTimer(when, [this] {
    std::lock_guard lock(mu_);
    pump_time_ = MonotonicTime::max();
    Pump(MonotonicClock::now());
  });
}

void Pool::Pump(MonotonicTime now) {
  if (stopped_) return;
  for (auto& [name, pool] : pools_) PumpZygote(pool, now);
  MakeRoom();
  bool waiting = false;
  for (auto& [name, pool] : pools_) {
    LaunchForWaiters(pool, now);
    waiting = waiting || !pool.waiters.empty();
  }
  for (auto& [name, pool] : pools_) Trim(pool, now);
  if (waiting) return;
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
  const bool needed = pool.bounds.minimum > 0 || pool.used || !pool.waiters.empty();
  if (!needed || !pool.what.source.unavailable.empty()) return;
  if (pool.zygotes.WantsStart(now)) StartZygote(pool);
  if (auto next = pool.zygotes.NextChange(now)) PumpAt(*next);
}

void Pool::LaunchForWaiters(TemplatePool& pool, MonotonicTime now) {
  if (pool.zygotes.current() == 0) {
    absl::Status hindrance = pool.zygotes.Hindrance(now);
    if (!hindrance.ok()) FailWaiters(pool, hindrance);
    return;
  }
  int common = 0;
  for (const std::shared_ptr<Waiter>& waiter : pool.waiters) {
    if (launches_ >= options_.max_launches || !HasRoom()) return;
    if (waiter->takes_default) {
      // Launches that are under way, refills too, serve the first ones.
      if (++common > pool.making) BeginLaunch(pool, nullptr, false);
    } else if (!std::exchange(waiter->launched, true)) {
      BeginLaunch(pool, waiter, false);
    }
  }
}

int Pool::Target(const TemplatePool& pool, MonotonicTime now) const {
  const int floor = std::max(pool.bounds.minimum, pool.used ? kReadyWhenUsed : 0);
  const int64_t target = std::min(floor + pool.demand.Extra(now), pool.bounds.maximum);
  const int64_t affordable = options_.memory_budget / std::max<int64_t>(pool.memory_each, 1);
  // The other half of the slots is for leased sandboxes in any case.
  return static_cast<int>(std::min<int64_t>({target, affordable, options_.max_sandboxes / 2}));
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

bool Pool::HasRoom() const {
  return table_.existing() + static_cast<size_t>(unanswered_) <
         static_cast<size_t>(options_.max_sandboxes);
}

// Slots that the pools hold are for those who wait.
void Pool::MakeRoom() {
  size_t waiting = 0;
  size_t ready = 0;
  for (const auto& [name, pool] : pools_) {
    waiting += pool.waiters.size();
    ready += pool.ready.size();
  }
  const size_t making = static_cast<size_t>(launches_);
  const size_t existing = table_.existing() + static_cast<size_t>(unanswered_);
  const size_t slots = static_cast<size_t>(options_.max_sandboxes);
  // Those that are neither ready, nor leased, nor in the making are on their way out.
  const size_t accounted = table_.leased() + ready + making;
  size_t leaving = existing - std::min(existing, accounted);
  size_t room = slots - std::min(slots, existing) + leaving + making;
  while (waiting > room && ready > 0) {
    auto fullest = std::max_element(pools_.begin(), pools_.end(), [](const auto& a, const auto& b) {
      return a.second.ready.size() < b.second.ready.size();
    });
    fullest->second.ready.front()->Destroy(StopReason::kDestroyed);
    fullest->second.ready.pop_front();
    --ready;
    ++room;
  }
}

void Pool::FailWaiters(TemplatePool& pool, const absl::Status& why) {
  for (auto& waiter : std::exchange(pool.waiters, {})) {
    host_.loop.Post([waiter, why] { waiter->on_made(why); });
  }
}

}  // namespace warren
