#include "runtime/linux/host_facts.h"

#include <sys/statfs.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/linux/pace.h"

namespace warren {
namespace {

constexpr int64_t kCgroup2Magic = 0x63677270;

TEST(HostFactsTest, AreThoseOfTheRunningKernel) {
  auto facts = DetectHostFacts();
  ASSERT_TRUE(facts.ok()) << facts.status();
  ASSERT_TRUE(facts->controllers().contains("memory")) << facts->ShortDebugString();
  struct statfs info;
  ASSERT_EQ(::statfs(facts->controllers().at("memory").c_str(), &info), 0);
  bool v2 = info.f_type == kCgroup2Magic;
  EXPECT_EQ(facts->cgroup_mode(), v2 ? internal::HostFacts::V2 : internal::HostFacts::V1);
  for (const char* controller : {"memory", "cpu", "pids"}) {
    ASSERT_TRUE(facts->controllers().contains(controller)) << controller;
    EXPECT_TRUE(std::filesystem::exists(
        absl::StrCat(facts->controllers().at(controller), "/cgroup.procs")));
  }
  EXPECT_EQ(facts->cpus(), ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_EQ(facts->memory_bytes(), ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
  EXPECT_GT(facts->open_files(), 0);
  EXPECT_EQ(facts->pace(), Pace());
}

}  // namespace
}  // namespace warren
