// A launcher that has made many sandboxes is as it was before. Needs root.

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

struct Footprint {
  size_t descriptors = 0;
  std::string mounts;
  size_t processes = 0;
  size_t groups = 0;

  bool operator==(const Footprint&) const = default;
};

// None in what has gone since it was listed.
size_t CountEntries(const fs::path& directory, bool only_directories = false) {
  size_t count = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; entry != end; entry.increment(error))
    count += !only_directories || entry->is_directory(error) ? 1 : 0;
  return count;
}

Footprint Measure(const Harness& launcher) {
  Footprint found;
  found.descriptors = CountEntries(absl::StrCat("/proc/", launcher.pid(), "/fd"));
  EXPECT_GT(found.descriptors, 0u);
  auto mounts = ReadFile(absl::StrCat("/proc/", launcher.pid(), "/mountinfo"));
  EXPECT_TRUE(mounts.ok()) << mounts.status();
  found.mounts = *mounts;
  std::set<pid_t> processes = launcher.Descendants();
  found.processes = processes.size();
  for (pid_t pid : processes) found.descriptors += CountEntries(absl::StrCat("/proc/", pid, "/fd"));
  for (const fs::path& directory : launcher.InstanceDirectories())
    found.groups += CountEntries(directory, /*only_directories=*/true);
  return found;
}

// Once nothing is under way: its janitor closes what it has inherited, the launcher what it looks
// at.
Footprint MeasureAtRest(const Harness& launcher) {
  Footprint found = Measure(launcher);
  Footprint last;
  EXPECT_TRUE(Eventually([&] {
    last = found;
    absl::SleepFor(absl::Milliseconds(200));
    return (found = Measure(launcher)) == last;
  }));
  return found;
}

// In a mount namespace of its own: what the host mounts meanwhile is not the launcher's.
class LeakTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
};

TEST_F(LeakTest, ManyLaunchesLeaveTheLauncherAsItWas) {
  constexpr int kAtOnce = 4;
  const int rounds = InUml() ? 5 : 50;
  std::unique_ptr<Harness> launcher = Harness::Start();
  ASSERT_NE(launcher, nullptr);
  uint64_t zygote = launcher->StartZygote();
  ASSERT_TRUE(launcher->Launch("first", zygote).launched());
  launcher->Destroy("first");
  // The anchor reaps what ended a moment after it has told of it: then there are itself, the
  // janitor, the relay and the zygote.
  EXPECT_TRUE(Eventually([&] { return Measure(*launcher).processes == 4; }));
  Footprint before = MeasureAtRest(*launcher);
  for (int round = 0; round < rounds; ++round) {
    std::vector<uint64_t> requests;
    for (int i = 0; i < kAtOnce; ++i)
      requests.push_back(
          launcher->RequestCreate(launcher->Spec(absl::StrCat("s", round, "x", i)), zygote));
    for (int i = 0; i < kAtOnce; ++i) {
      std::string id = absl::StrCat("s", round, "x", i);
      // Every fourth is destroyed before it is ready; of the others, some have a network.
      if (i == 0) {
        EXPECT_EQ(launcher->WaitForStatus(launcher->RequestDestroy(id)), absl::OkStatus());
        launcher->WaitForReply(requests[0]);
        EXPECT_EQ(launcher->WaitForGone(id), internal::SandboxGone::DESTROYED);
        continue;
      }
      ASSERT_TRUE(
          launcher->Take(id, launcher->WaitForReply(requests[static_cast<size_t>(i)])).launched());
      if (i == 1) {
        EXPECT_EQ(launcher->WaitForStatus(launcher->RequestNetwork(id)), absl::OkStatus());
      }
      launcher->Destroy(id);
    }
  }
  Footprint after;
  // The zygote reaps a context a moment after its sandbox is gone.
  Eventually([&] { return (after = Measure(*launcher)) == before; });
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.mounts, before.mounts);
  EXPECT_EQ(after.processes, before.processes);
  EXPECT_EQ(after.groups, before.groups);
}

TEST_F(LeakTest, ZygotesLeaveTheLauncherAsItWas) {
  std::unique_ptr<Harness> launcher = Harness::Start();
  ASSERT_NE(launcher, nullptr);
  // An answer: what its Hello took is closed again.
  EXPECT_FALSE(launcher->WaitForStatus(launcher->RequestDestroy("none")).ok());
  Footprint before = MeasureAtRest(*launcher);
  for (int i = 0; i < 3; ++i) {
    uint64_t zygote = launcher->StartZygote();
    ASSERT_TRUE(launcher->Launch(absl::StrCat("of", i), zygote).launched());
    EXPECT_EQ(launcher->WaitForStatus(launcher->RequestStopZygote(zygote)), absl::OkStatus());
    launcher->WaitForZygoteExited(zygote);
    launcher->Destroy(absl::StrCat("of", i));
  }
  Footprint after;
  // A dead process has no descriptors, and is there until the anchor reaps it.
  Eventually([&] { return (after = Measure(*launcher)) == before; });
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.mounts, before.mounts);
  EXPECT_EQ(after.processes, before.processes);
  EXPECT_EQ(after.groups, before.groups);
}

}  // namespace
}  // namespace warren
