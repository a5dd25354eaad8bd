#include "supervisor/session/sandbox_stats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace warren {
namespace {

using internal::StatFile;

class SandboxStatsTest : public ::testing::Test {
 protected:
  void AddFile(StatFile::Kind kind, const std::string& content) {
    kinds.Add()->set_kind(kind);
    UniqueFd file(::memfd_create("stat", MFD_CLOEXEC));
    ASSERT_EQ(::write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    fds.push_back(std::move(file));
  }
  SandboxStats Make() { return SandboxStats(kinds, std::move(fds)); }

  google::protobuf::RepeatedPtrField<StatFile> kinds;
  std::vector<UniqueFd> fds;
};

TEST_F(SandboxStatsTest, ReadsTheUnifiedHierarchy) {
  AddFile(StatFile::CPU_STAT, "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 0\n");
  AddFile(StatFile::MEMORY_CURRENT, "4096\n");
  AddFile(StatFile::MEMORY_PEAK, "8192\n");
  AddFile(StatFile::MEMORY_EVENTS, "low 0\nhigh 0\nmax 5\noom 1\noom_kill 2\noom_group_kill 1\n");
  AddFile(StatFile::PIDS_PEAK, "7\n");
  SandboxStats stats = Make();
  EXPECT_EQ(stats.ReadCpu()->user, absl::Microseconds(10));
  EXPECT_EQ(stats.ReadCpu()->system, absl::Microseconds(20));
  EXPECT_EQ(stats.ReadMemory(), 4096);
  EXPECT_EQ(stats.ReadPeakMemory(), 8192);
  EXPECT_EQ(stats.ReadOomKills(), 2);
  EXPECT_EQ(stats.ReadPeakPids(), 7);
}

TEST_F(SandboxStatsTest, ReadsV1AndFallsBackToCurrentValues) {
  AddFile(StatFile::CPU_USAGE_USER, "1000\n");
  AddFile(StatFile::CPU_USAGE_SYSTEM, "2000\n");
  AddFile(StatFile::MEMORY_CURRENT, "4096\n");
  AddFile(StatFile::PIDS_CURRENT, "3\n");
  AddFile(StatFile::MEMORY_EVENTS, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  SandboxStats stats = Make();
  EXPECT_EQ(stats.ReadCpu()->user, absl::Nanoseconds(1000));
  EXPECT_EQ(stats.ReadPeakMemory(), 4096);
  EXPECT_EQ(stats.ReadPeakPids(), 3);
  EXPECT_EQ(stats.ReadOomKills(), 0);
}

TEST_F(SandboxStatsTest, HasNoValueForWhatIsMissingOrUnreadable) {
  AddFile(StatFile::MEMORY_CURRENT, "");
  AddFile(StatFile::CPU_USAGE_USER, "1000\n");
  SandboxStats stats = Make();
  EXPECT_FALSE(stats.ReadMemory());
  EXPECT_FALSE(stats.ReadCpu());
  EXPECT_FALSE(stats.ReadOomKills());
  EXPECT_FALSE(SandboxStats().ReadPeakMemory());
}

TEST_F(SandboxStatsTest, ReadsWhatACgroupThatIsGoneSaidLast) {
  StatFile* peak = kinds.Add();
  peak->set_kind(StatFile::MEMORY_PEAK);
  peak->set_content("8192\n");
  StatFile* cpu = kinds.Add();
  cpu->set_kind(StatFile::CPU_STAT);
  cpu->set_content("usage_usec 30\nuser_usec 10\nsystem_usec 20\n");
  SandboxStats stats(kinds);
  EXPECT_EQ(stats.ReadPeakMemory(), 8192);
  EXPECT_EQ(stats.ReadCpu()->user, absl::Microseconds(10));
  EXPECT_FALSE(stats.ReadOomKills());
}

TEST_F(SandboxStatsTest, TakesFewerDescriptorsThanKinds) {
  AddFile(StatFile::MEMORY_CURRENT, "1\n");
  kinds.Add()->set_kind(StatFile::PIDS_PEAK);
  SandboxStats stats = Make();
  EXPECT_EQ(stats.ReadMemory(), 1);
  EXPECT_FALSE(stats.ReadPeakPids());
}

TEST(ParseTest, NumbersAreWholeAndNotNegative) {
  EXPECT_EQ(ParseNumber(" 12\n"), 12);
  for (const char* text : {"", "max", "-1", "1 2", "99999999999999999999"})
    EXPECT_FALSE(ParseNumber(text)) << text;
}

TEST(ParseTest, FieldsMatchWholeKeys) {
  EXPECT_EQ(ParseField("oom_kill_disable 1\noom_kill 4\n", "oom_kill"), 4);
  EXPECT_FALSE(ParseField("oom_kill_disable 1\n", "oom_kill"));
  EXPECT_FALSE(ParseField("oom_kill\n", "oom_kill"));
}

}  // namespace
}  // namespace warren
