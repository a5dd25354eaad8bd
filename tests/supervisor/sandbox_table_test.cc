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

class SandboxTableTest : public SessionTest {
 protected:
  // Leased, and in the kernel.
  LeaseRef Lend(const std::string& id, absl::Duration lifetime = absl::Hours(1)) {
    workers.emplace_back();
    auto sandbox = std::make_shared<Sandbox>(host, Sandbox::Identity{id, "base", {}},
                                             SandboxStats(), workers.back().TakePipes());
    records.Add(sandbox);
    Lease lease;
    lease.sandbox = sandbox;
    lease.metadata["id"] = id;
    return records.Publish(std::move(lease), lifetime);
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
  SandboxTable records{*loop, [this](const std::string& id) {
                         std::lock_guard lock(mu);
                         forgotten.push_back(id);
                       }};
  std::deque<FakeWorker> workers;
};

TEST_F(SandboxTableTest, WhoFindsALeaseSharesItAndANewLifetimeIsANewLease) {
  LeaseRef lease = Lend("sb1");
  EXPECT_EQ(records.Find("sb1").get(), lease.get()) << "not a copy";
  LeaseRef longer = records.SetLifetime("sb1", absl::Hours(5));
  EXPECT_GT(longer->expires_at, lease->expires_at);
  EXPECT_EQ(longer->metadata, lease->metadata);
  EXPECT_EQ(records.Find("sb1"), longer);
  EXPECT_EQ(records.All().front(), longer);
  EXPECT_EQ(records.SetLifetime("sb2", absl::Hours(1)), nullptr);
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
    records.Publish(std::move(lease), absl::Hours(1));
    workers.clear();
  }
  EXPECT_EQ(records.All().size(), SandboxTable::kMaxDeadRecords);
}

TEST_F(SandboxTableTest, ListsFromAPlaceOn) {
  for (int i = 0; i < 5; ++i) Lend(absl::StrCat("sb", i));
  auto all = records.List(0, 10, [](const Lease&) { return true; });
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all.back().sequence, records.last_sequence());
  auto rest = records.List(all[1].sequence, 2, [](const Lease&) { return true; });
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].lease->metadata.at("id"), "sb2");
  auto last =
      records.List(0, 10, [](const Lease& each) { return each.metadata.at("id") == "sb4"; });
  ASSERT_EQ(last.size(), 1u);
}

}  // namespace
}  // namespace warren
