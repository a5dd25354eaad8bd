#include "tools/benchmark/client/host_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace warren::bench {
namespace {

using ::testing::Ge;

TEST(ProcessCostsTest, AWaitIsASwitchAndAFreshPageAFault) {
  constexpr size_t kPages = 64;
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory =
      ::mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  // One page a fault, however large the folios are that the kernel prefers; one that has none
  // refuses.
  ::madvise(memory, kPages * page, MADV_NOHUGEPAGE);

  absl::StatusOr<ProcessCosts> before = ReadProcessCosts(::getpid());
  ASSERT_TRUE(before.ok()) << before.status();
  for (size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  ::usleep(1000);
  absl::StatusOr<ProcessCosts> after = ReadProcessCosts(::getpid());
  ASSERT_TRUE(after.ok()) << after.status();

  EXPECT_THAT(after->minor_faults - before->minor_faults, Ge(static_cast<int64_t>(kPages)));
  EXPECT_THAT(after->voluntary_switches - before->voluntary_switches, Ge(1));
  ::munmap(memory, kPages * page);
}

// As of two hierarchies in which a sandbox has its groups.
TEST(CountProcessesBelowTest, CountsEachOnceAndThoseOfGroupsBelow) {
  std::filesystem::path root = std::filesystem::path(::testing::TempDir()) / "host_view_test";
  auto fill = [&root](const char* group, const char* pids) {
    std::filesystem::create_directories(root / group);
    std::ofstream(root / group / "cgroup.procs") << pids;
  };
  fill("memory/sandbox", "10\n11\n");
  fill("memory/sandbox/command/deeper", "12\n");
  fill("cpu/sandbox", "10\n11\n12\n13\n");
  fill("cpu/other", "14\n");

  EXPECT_EQ(CountProcessesBelow({root / "memory/sandbox", root / "cpu/sandbox"}), 4);
  EXPECT_EQ(CountProcessesBelow({root / "memory/sandbox"}), 3);
  EXPECT_EQ(CountProcessesBelow({root / "absent"}), 0);
  std::filesystem::remove_all(root);
}

TEST(ProcessCostsTest, OfNoProcessIsAnError) { EXPECT_FALSE(ReadProcessCosts(0).ok()); }

}  // namespace
}  // namespace warren::bench
