#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "spdlog/spdlog.h"
#include "supervisor/pool/pool.h"
#include "supervisor/session/ids.h"

// How the pool has one zygote started and one sandbox made: asked, answered, ready.
namespace warren {
namespace {

constexpr double kMemoryWeight = 0.2;

warren::v1::StageTiming Stage(const char* name, std::chrono::nanoseconds duration) {
  warren::v1::StageTiming stage;
  stage.set_stage(name);
  *stage.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
      std::max<int64_t>(duration.count(), 0));
  return stage;
}

int64_t Nanoseconds(const std::vector<warren::v1::StageTiming>& stages) {
  int64_t sum = 0;
  for (const auto& stage : stages) {
    sum += google::protobuf::util::TimeUtil::DurationToNanoseconds(stage.duration());
  }
  return sum;
}

}  // namespace

void Pool::StartZygote(TemplatePool& pool) {
  pool.zygotes.Starting();
  const std::string& name = pool.what.source.recipe.name();
  spdlog::info("event=zygote_starting template={}", name);
  internal::LauncherRequest request;
  request.mutable_start_zygote()->set_template_id(name);
  host_.link.Call(std::move(request), [this, &pool](absl::StatusOr<LauncherMessage> reply) {
    MutexLock lock(&mu_);
    MonotonicTime now = MonotonicClock::now();
    const std::string& id = pool.what.source.recipe.name();
    if (reply.ok()) {
      const auto& started = reply->reply.zygote_started();
      spdlog::info("event=zygote_warm template={} zygote={} ms={} python=\"{}\"", id,
                   started.zygote_id(), started.warm_ms(), absl::CEscape(started.python_version()));
      pool.python_version = started.python_version();
      if (started.languages_size() > 0) {
        pool.languages.assign(started.languages().begin(), started.languages().end());
      }
      pool.zygotes.Started(started.zygote_id(), now);
    } else if (!stopped_) {
      spdlog::error("event=zygote_failed template={} error=\"{}\"", id,
                    absl::CEscape(reply.status().message()));
      pool.zygotes.StartFailed(
          absl::Status(reply.status().code(),
                       absl::StrCat("template \"", id,
                                    "\": its zygote did not start: ", reply.status().message())),
          now);
    }
    Pump(now);
  });
}

void Pool::BeginLaunch(TemplatePool& pool, Ticket owner, bool refill) {
  auto launch = std::make_shared<Launch>();
  launch->pool = &pool;
  launch->zygote_id = pool.zygotes.current();
  launch->limits = owner ? owner->limits : pool.what.default_limits;
  launch->owner = std::move(owner);
  launch->refill = refill;
  launch->id = NewId("sb");
  launch->began = MonotonicClock::now();
  pool.zygotes.BeginFork();
  ++launches_;
  ++unanswered_;
  refills_ += refill ? 1 : 0;
  if (!launch->owner) ++pool.making;

  internal::SandboxSpec spec;
  spec.set_sandbox_id(launch->id);
  spec.set_template_id(pool.what.source.recipe.name());
  *spec.mutable_limits() = launch->limits;
  spec.set_profile(options_.profile);
  internal::LauncherRequest request;
  *request.mutable_create_sandbox()->mutable_spec() = std::move(spec);
  request.mutable_create_sandbox()->set_zygote_id(launch->zygote_id);
  host_.link.Call(std::move(request), [this, launch](absl::StatusOr<LauncherMessage> reply) {
    OnLaunched(launch, std::move(reply));
  });
}

void Pool::OnLaunched(std::shared_ptr<Launch> launch, absl::StatusOr<LauncherMessage> reply) {
  absl::Status refused;
  {
    MutexLock lock(&mu_);
    --unanswered_;
    if (stopped_) refused = absl::UnavailableError("the supervisor is stopping");
  }
  if (!reply.ok()) return OnLaunchFailed(*launch, reply.status());
  absl::StatusOr<WorkerPipes> pipes = TakeWorkerPipes(reply->fds);
  refused.Update(pipes.status());
  if (!refused.ok()) {
    // It is there all the same.
    internal::LauncherRequest request;
    request.mutable_destroy_sandbox()->set_sandbox_id(launch->id);
    host_.link.Call(std::move(request), nullptr);
    return OnLaunchFailed(*launch, refused);
  }

  const auto& launched = reply->reply.process_started();
  launch->stages.insert(launch->stages.end(), launched.stages().begin(), launched.stages().end());
  Sandbox::Identity identity{launch->id, launch->pool->what.source.recipe.name(), launch->limits};
  if (!options_.profile.empty()) identity.profile = options_.profile;
  auto sandbox = std::make_shared<Sandbox>(host_, std::move(identity),
                                           SandboxStats(launched.stats(), std::move(reply->fds)),
                                           *std::move(pipes));
  table_.Add(sandbox);
  absl::Status started =
      sandbox->Start([this, launch, weak = std::weak_ptr<Sandbox>(sandbox)](
                         absl::Status status) { OnReady(launch, weak.lock(), std::move(status)); },
                     [this, pool = launch->pool, raw = sandbox.get()] { OnDeath(*pool, raw); });
  if (!started.ok()) {
    sandbox->Destroy(StopReason::kDestroyed);
    OnLaunchFailed(*launch, started);
  }
}

void Pool::OnReady(std::shared_ptr<Launch> launch, std::shared_ptr<Sandbox> sandbox,
                   absl::Status status) {
  if (status.ok() && (!sandbox || !sandbox->alive() || !sandbox->FindContext("")->alive())) {
    status = absl::InternalError(absl::StrCat("sandbox ", launch->id, " died as it became ready"));
  }
  if (!status.ok()) {
    if (sandbox) sandbox->Destroy(StopReason::kDestroyed);
    return OnLaunchFailed(*launch, std::move(status));
  }
  const MonotonicTime now = MonotonicClock::now();
  std::vector<warren::v1::StageTiming> worker = sandbox->FindContext("")->worker_stages();
  launch->stages.insert(launch->stages.end(), worker.begin(), worker.end());
  // What no stage accounts for: messages, and waiting for a core.
  launch->stages.push_back(
      Stage("ready", now - launch->began - std::chrono::nanoseconds(Nanoseconds(launch->stages))));
  const auto memory = sandbox->ReadMemory();

  Ticket waiter;
  {
    MutexLock lock(&mu_);
    TemplatePool& pool = *launch->pool;
    pool.demand.NoteMade(now - launch->began);
    pool.memory_each =
        static_cast<int64_t>((1 - kMemoryWeight) * static_cast<double>(pool.memory_each) +
                             kMemoryWeight * static_cast<double>(memory));
    EndLaunch(*launch, now);
    waiter = WaiterFor(*launch);
    if (waiter) {
      TakeOff(pool, waiter);
    } else {
      KeepOrDestroy(pool, std::move(sandbox));
    }
    Pump(now);
  }
  if (waiter) waiter->Answer(Made{std::move(sandbox), std::move(launch->stages)});
}

void Pool::EndLaunch(Launch& launch, MonotonicTime now) {
  TemplatePool& pool = *launch.pool;
  --launches_;
  if (launch.refill) {
    --refills_;
    next_refill_ = now + kPauseFactor * (now - launch.began);
  }
  if (!launch.owner) --pool.making;
  pool.zygotes.EndFork(launch.zygote_id);
}

void Pool::OnLaunchFailed(Launch& launch, absl::Status why) {
  MutexLock lock(&mu_);
  const MonotonicTime now = MonotonicClock::now();
  TemplatePool& pool = *launch.pool;
  EndLaunch(launch, now);
  if (!stopped_) {
    spdlog::error("event=launch_failed sandbox={} error=\"{}\"", launch.id,
                  absl::CEscape(why.message()));
  }
  // Its zygote died under it: that is no fault of the request, and the next zygote makes it good.
  const bool retry = pool.zygotes.current() != launch.zygote_id;
  // Nobody else's with limits of its own: those have launches of their own.
  Ticket waiter = launch.owner && !launch.owner->waiting ? nullptr : WaiterFor(launch);
  if (waiter && retry && ++waiter->retries <= kMaxRetries) {
    waiter->launched = false;
  } else if (waiter) {
    TakeOff(pool, waiter);
    host_.loop.Post([waiter, why] { waiter->Answer(why); });
  } else if (launch.refill) {
    // A refill that fails must not be tried in a tight loop.
    refill_not_before_ = now + kRefillBackOff;
  }
  Pump(now);
}

}  // namespace warren
