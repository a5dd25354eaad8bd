#include "supervisor/session/sandbox_table.h"

#include <deque>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::SandboxGone;
using ::testing::ElementsAre;

constexpr auto kOldest = SandboxTable::Order::kOldestFirst;
constexpr auto kNewest = SandboxTable::Order::kNewestFirst;

class SandboxTableTest : public SessionTest {
 protected:
  // Leased, and in the kernel.
  LeaseRef Lend(const std::string& id, absl::Duration length = absl::Hours(1)) {
    return Lend(id, Lifetime{length});
  }
  LeaseRef Lend(const std::string& id, const Lifetime& lifetime) {
    workers.emplace_back();
    auto sandbox = std::make_shared<Sandbox>(host, Sandbox::Identity{id, "base", {}},
                                             SandboxStats(), workers.back().TakePipes());
    records.Add(sandbox);
    Lease lease;
    lease.sandbox = sandbox;
    lease.metadata["id"] = id;
    lease.lifetime = lifetime;
    return records.Publish(std::move(lease));
  }
  void Gone(const std::string& id) {
    internal::SandboxGone event;
    event.set_sandbox_id(id);
    OnLoop([&] { records.OnGone(event); });
  }
  std::vector<std::string> Forgotten() {
    std::lock_guard lock(mu);
    return forgotten;
  }

  std::mutex mu;
  std::vector<std::string> forgotten;
  SandboxTable records{*loop,
                       [this](const std::string& id) {
                         std::lock_guard lock(mu);
                         forgotten.push_back(id);
                       },
                       {.expiry_pause_retry = std::chrono::milliseconds(5)}};
  std::deque<FakeWorker> workers;
};

TEST_F(SandboxTableTest, WhoFindsALeaseSharesItAndANewLifetimeIsANewLease) {
  LeaseRef lease = Lend("sb1");
  EXPECT_EQ(records.Find("sb1").get(), lease.get()) << "not a copy";
  LeaseRef longer = records.SetLifetime("sb1", {absl::Hours(5)});
  EXPECT_GT(longer->expires_at(), lease->expires_at());
  EXPECT_EQ(longer->metadata, lease->metadata);
  EXPECT_EQ(records.Find("sb1"), longer);
  EXPECT_EQ(records.All().front(), longer);
  EXPECT_EQ(records.SetLifetime("sb2", {absl::Hours(1)}), nullptr);
  EXPECT_EQ(records.Remove("sb1"), longer);
  EXPECT_EQ(records.Find("sb1"), nullptr);
  EXPECT_EQ(records.Remove("sb1"), nullptr);
  EXPECT_THAT(Forgotten(), ElementsAre("sb1"));
}

TEST_F(SandboxTableTest, LeasesEndWithTheirLifetime) {
  Lend("sb1", absl::Milliseconds(1));
  EXPECT_TRUE(Eventually([&] { return records.Find("sb1") == nullptr; }));
  launcher.Expect(internal::LauncherRequest::kDestroySandbox);
  EXPECT_TRUE(Eventually([&] { return Forgotten().size() == 1; }));
}

TEST_F(SandboxTableTest, TheDeadStayOnRecordUpToANumber) {
  Lend("first");
  Gone("first");
  EXPECT_NE(records.Find("first"), nullptr);
  EXPECT_EQ(records.leased(), 0u);
  EXPECT_EQ(records.existing(), 0u);
  Lend("alive");
  for (size_t i = 0; i < SandboxTable::kMaxDeadRecords; ++i) {
    Lend(absl::StrCat("sb", i));
    // Some die on their way to their client.
    Gone(absl::StrCat("sb", i));
    workers.clear();
  }
  EXPECT_EQ(records.Find("first"), nullptr) << "the oldest had to go";
  EXPECT_NE(records.Find("sb0"), nullptr);
  EXPECT_NE(records.Find("alive"), nullptr);
  EXPECT_EQ(records.leased(), 1u);
  EXPECT_THAT(Forgotten(), ElementsAre("first"));
}

TEST_F(SandboxTableTest, TheDeadThatWerePublishedTooLateAreBoundedToo) {
  for (size_t i = 0; i < SandboxTable::kMaxDeadRecords + 10; ++i) {
    workers.emplace_back();
    Lease lease;
    lease.sandbox =
        std::make_shared<Sandbox>(host, Sandbox::Identity{absl::StrCat("sb", i), "base", {}},
                                  SandboxStats(), workers.back().TakePipes());
    lease.lifetime.length = absl::Hours(1);
    records.Publish(std::move(lease));
    workers.clear();
  }
  EXPECT_EQ(records.All().size(), SandboxTable::kMaxDeadRecords);
}

TEST_F(SandboxTableTest, ListsFromAPlaceOn) {
  for (int i = 0; i < 5; ++i) Lend(absl::StrCat("sb", i));
  auto all = records.List(kOldest, 0, 10, [](const Lease&) { return true; });
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all.back().sequence, records.last_sequence());
  auto rest = records.List(kOldest, all[1].sequence, 2, [](const Lease&) { return true; });
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].lease->metadata.at("id"), "sb2");
  auto last = records.List(kOldest, 0, 10,
                           [](const Lease& each) { return each.metadata.at("id") == "sb4"; });
  ASSERT_EQ(last.size(), 1u);
  auto newest = records.List(kNewest, 0, 2, [](const Lease&) { return true; });
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].lease->metadata.at("id"), "sb4");
  auto older = records.List(kNewest, newest[1].sequence, 10, [](const Lease&) { return true; });
  ASSERT_EQ(older.size(), 3u);
  EXPECT_EQ(older[0].lease->metadata.at("id"), "sb2");
  EXPECT_EQ(older[2].lease->metadata.at("id"), "sb0");
  EXPECT_TRUE(
      records.List(kNewest, older[2].sequence, 10, [](const Lease&) { return true; }).empty());
}

// ---- Lifetimes

TEST_F(SandboxTableTest, WhatIsInUseDoesNotEndAndEndsAfterItsLastUse) {
  LeaseRef lease = Lend("sb1");
  SandboxUse use = lease->sandbox->Use();
  lease = records.SetLifetime("sb1", {absl::Milliseconds(30)});
  ASSERT_NE(lease, nullptr);
  // Some lifetimes long, whatever runs meanwhile.
  absl::SleepFor(absl::Milliseconds(150));
  EXPECT_NE(records.Find("sb1"), nullptr);
  EXPECT_GT(lease->expires_at(), absl::Now() - absl::Seconds(1)) << "as things are now";
  const MonotonicTime before = UseMeter::CoarseNow();
  use.End();
  EXPECT_TRUE(Eventually([&] { return records.Find("sb1") == nullptr; }));
  EXPECT_GE(lease->End(), before + std::chrono::milliseconds(30));
  launcher.Expect(internal::LauncherRequest::kDestroySandbox);
}

TEST_F(SandboxTableTest, ALifetimeFromTheCallThatSetItEndsWhateverGoesOn) {
  LeaseRef lease = Lend("sb1", {absl::Milliseconds(1), warren::v1::LIFETIME_FROM_CREATION});
  SandboxUse use = lease->sandbox->Use();
  EXPECT_TRUE(Eventually([&] { return records.Find("sb1") == nullptr; }));
  launcher.Expect(internal::LauncherRequest::kDestroySandbox);
}

TEST_F(SandboxTableTest, WhatIsNotSaidOfALifetimeStays) {
  Lend("sb1", {absl::Hours(1), warren::v1::LIFETIME_FROM_CREATION, warren::v1::ON_EXPIRY_PAUSE});
  LeaseRef changed = records.SetLifetime(
      "sb1",
      {absl::Hours(2), warren::v1::LIFETIME_FROM_UNSPECIFIED, warren::v1::ON_EXPIRY_UNSPECIFIED});
  EXPECT_EQ(changed->lifetime.length, absl::Hours(2));
  EXPECT_EQ(changed->lifetime.from, warren::v1::LIFETIME_FROM_CREATION);
  EXPECT_EQ(changed->lifetime.on_expiry, warren::v1::ON_EXPIRY_PAUSE);
  changed = records.SetLifetime(
      "sb1", {absl::Hours(3), warren::v1::LIFETIME_FROM_LAST_USE, warren::v1::ON_EXPIRY_KILL});
  EXPECT_EQ(changed->lifetime.from, warren::v1::LIFETIME_FROM_LAST_USE);
  EXPECT_EQ(changed->lifetime.on_expiry, warren::v1::ON_EXPIRY_KILL);
}

TEST_F(SandboxTableTest, ALifetimeThatIsSetCountsFromNow) {
  LeaseRef lease = Lend("sb1", absl::Hours(2));
  // Idle for longer than what it is given next.
  lease->sandbox->uses().SetLastUse(MonotonicClock::now() - std::chrono::hours(1));
  LeaseRef changed = records.SetLifetime("sb1", {absl::Minutes(10)});
  const MonotonicTime now = MonotonicClock::now();
  EXPECT_GT(changed->End(), now + std::chrono::minutes(9));
  EXPECT_LE(changed->End(), now + std::chrono::minutes(10));
}

TEST_F(SandboxTableTest, ALifetimeStandsStillInAPausedSandbox) {
  for (auto from : {warren::v1::LIFETIME_FROM_CREATION, warren::v1::LIFETIME_FROM_LAST_USE}) {
    const std::string id = absl::StrCat("sb", static_cast<int>(from));
    Lend(id, {absl::Hours(2), from});
    LeaseRef paused = records.NotePaused(id);
    ASSERT_TRUE(paused->left.has_value());
    EXPECT_GT(*paused->left, absl::Hours(1));
    EXPECT_LE(*paused->left, absl::Hours(2));
    EXPECT_GT(paused->expires_at(), absl::Now() + absl::Hours(23)) << "kept for a day";
    EXPECT_EQ(records.NotePaused(id), paused);
    const MonotonicTime later = MonotonicClock::now() + std::chrono::hours(1);
    EXPECT_LT(paused->RanUntil(later), absl::Hours(1)) << "what is paused does not run";
    // As if it had been paused for so long.
    LeaseRef resumed = records.NoteResumed(id, std::nullopt);
    EXPECT_FALSE(resumed->left.has_value());
    EXPECT_GE(resumed->RanUntil(later + std::chrono::hours(1)), absl::Hours(1));
    EXPECT_GE(resumed->RanUntil(resumed->runs_since), paused->ran);
    EXPECT_GE(resumed->End(), MonotonicClock::now() + std::chrono::hours(1));
    EXPECT_LE(resumed->End(), MonotonicClock::now() + std::chrono::hours(2));
    EXPECT_EQ(records.NoteResumed(id, std::nullopt), resumed) << "it runs: nothing changes";
    resumed = records.NoteResumed(id, absl::Hours(10));
    EXPECT_EQ(resumed->lifetime.length, absl::Hours(10));
    EXPECT_GT(resumed->expires_at(), absl::Now() + absl::Hours(9));
  }
  EXPECT_EQ(records.NotePaused("none"), nullptr);
  EXPECT_EQ(records.NoteResumed("none", absl::Hours(1)), nullptr);
}

TEST_F(SandboxTableTest, OneThatIsPausedTooLongIsRemoved) {
  SandboxTable hasty(*loop, [](const std::string&) {},
                     {.paused_kept = std::chrono::milliseconds(1)});
  workers.emplace_back();
  Lease lease;
  lease.sandbox = std::make_shared<Sandbox>(host, Sandbox::Identity{"sb1", "base", {}},
                                            SandboxStats(), workers.back().TakePipes());
  lease.lifetime = {absl::Hours(1), warren::v1::LIFETIME_FROM_LAST_USE,
                    warren::v1::ON_EXPIRY_PAUSE};
  hasty.Add(lease.sandbox);
  hasty.Publish(lease);
  hasty.NotePaused("sb1");
  EXPECT_TRUE(Eventually([&] { return hasty.Find("sb1") == nullptr; }));
  launcher.Expect(internal::LauncherRequest::kDestroySandbox);
  StopLoop();
}

class ExpiryPauseTest : public SandboxTableTest {
 protected:
  // Alive.
  LeaseRef LendToPause(absl::Duration length) {
    auto sandbox = MakeReadySandbox(worker);
    records.Add(sandbox);
    Lease lease;
    lease.sandbox = sandbox;
    lease.lifetime = {length, warren::v1::LIFETIME_FROM_LAST_USE, warren::v1::ON_EXPIRY_PAUSE};
    return records.Publish(std::move(lease));
  }
  FakeWorker worker;
};

TEST_F(ExpiryPauseTest, TheEndOfALifetimeCanBeAPause) {
  LendToPause(absl::Milliseconds(1));
  launcher.ReplyOk(launcher.Expect(internal::LauncherRequest::kPauseSandbox));
  EXPECT_TRUE(Eventually([&] { return records.Find("sb1")->left.has_value(); }));
  EXPECT_GT(records.Find("sb1")->expires_at(), absl::Now() + absl::Hours(23));
  // All of it, for it had ended.
  records.SetLifetime("sb1", {absl::Hours(3)});
  LeaseRef resumed = records.NoteResumed("sb1", std::nullopt);
  EXPECT_GT(resumed->expires_at(), absl::Now() + absl::Hours(2));
}

TEST_F(ExpiryPauseTest, ALifetimeGivenMeanwhileIsLivedOn) {
  LendToPause(absl::Milliseconds(1));
  auto pausing = launcher.Expect(internal::LauncherRequest::kPauseSandbox);
  records.SetLifetime("sb1", {absl::Hours(3)});
  launcher.ReplyOk(pausing);
  launcher.ReplyOk(launcher.Expect(internal::LauncherRequest::kResumeSandbox));
  EXPECT_FALSE(records.Find("sb1")->left.has_value());
  EXPECT_GT(records.Find("sb1")->expires_at(), absl::Now() + absl::Hours(2));
}

TEST_F(ExpiryPauseTest, WhatCannotBePausedIsTriedAgainAndKilledAtLast) {
  LendToPause(absl::Milliseconds(1));
  for (int i = 0; i < SandboxTable::kExpiryPauseAttempts; ++i) {
    EXPECT_NE(records.Find("sb1"), nullptr);
    launcher.Reply(launcher.Expect(internal::LauncherRequest::kPauseSandbox),
                   absl::UnavailableError("a process is being started"));
  }
  launcher.Expect(internal::LauncherRequest::kDestroySandbox);
  EXPECT_EQ(records.Find("sb1"), nullptr);
}

TEST_F(ExpiryPauseTest, ADeadOneIsForgottenInsteadOfPaused) {
  LeaseRef lease = LendToPause(absl::Hours(1));
  Gone("sb1");
  EXPECT_NE(records.Find("sb1"), nullptr);
  records.SetLifetime("sb1", {absl::Milliseconds(1), warren::v1::LIFETIME_FROM_CREATION});
  EXPECT_TRUE(Eventually([&] { return records.Find("sb1") == nullptr; }));
}

}  // namespace
}  // namespace warren
