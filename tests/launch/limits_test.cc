// What a sandbox may use, and what happens when it wants more. Needs root.

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

using internal::SandboxGone;
using internal::StatFile;
using ::testing::HasSubstr;

class LimitsTest : public SharedLauncherTest {
 protected:
  void TearDown() override {
    if (shared_->GroupExists("small")) shared_->Destroy("small");
  }
  RunningSandbox LaunchWith(const std::function<void(v1::Limits&)>& change) {
    RunningSandbox sandbox = shared_->Launch(shared_->Spec("small", change), zygote_);
    EXPECT_TRUE(sandbox.launched()) << sandbox.reply.message();
    return sandbox;
  }
  static void SmallMemory(v1::Limits& limits) { limits.set_memory_bytes(96 << 20); }
};

TEST_F(LimitsTest, EveryLimitOfThePlanIsInTheKernel) {
  internal::SandboxSpec spec = shared_->Spec("small");
  ASSERT_TRUE(shared_->Launch(spec, zygote_).launched());
  const internal::LaunchPlan plan = shared_->Plan(spec);
  ASSERT_GE(plan.cgroup_size(), 5);
  for (const internal::CgroupWrite& write : plan.cgroup()) {
    EXPECT_EQ(shared_->ReadGroupFile("small", write.controller(), write.file()), write.value())
        << write.file();
  }
}

TEST_F(LimitsTest, StatsTellWhatItUses) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits&) {});
  int64_t before = sandbox.Stat(StatFile::MEMORY_CURRENT);
  shared_->Output(sandbox,
                  "kept = bytearray(64 << 20)\nfor i in range(0, len(kept), 4096): kept[i] = 1");
  EXPECT_GT(sandbox.Stat(StatFile::MEMORY_CURRENT), before + (60 << 20));
  const int64_t current = sandbox.Stat(StatFile::MEMORY_CURRENT);
  EXPECT_GE(sandbox.Stat(StatFile::MEMORY_PEAK), current);
  EXPECT_EQ(sandbox.Stat(StatFile::PIDS_CURRENT), 2) << "init and the context";
  EXPECT_TRUE(sandbox.stats.contains(StatFile::MEMORY_EVENTS));
  EXPECT_TRUE(
      sandbox.stats.contains(shared_->v2() ? StatFile::CPU_STAT : StatFile::CPU_USAGE_USER));
}

TEST_F(LimitsTest, MemoryOfOneSandboxIsItsOwn) {
  RunningSandbox neighbour = shared_->Launch("neighbour", zygote_);
  ASSERT_TRUE(neighbour.launched());
  // Its first cell, or what it does by itself before that, makes pages of the zygote its own.
  shared_->Output(neighbour, "kept = 7");
  int64_t before = neighbour.Stat(StatFile::MEMORY_CURRENT);
  RunningSandbox sandbox = LaunchWith([](v1::Limits&) {});
  shared_->Output(sandbox, "kept = b'x' * (64 << 20)");
  EXPECT_LT(neighbour.Stat(StatFile::MEMORY_CURRENT), before + (4 << 20));
  shared_->Destroy("neighbour");
}

TEST_F(LimitsTest, OutOfMemoryInTheContextEndsTheSandbox) {
  RunningSandbox sandbox = LaunchWith(SmallMemory);
  EXPECT_TRUE(shared_->Run(sandbox, "b'x' * (512 << 20)").gone);
  EXPECT_EQ(shared_->WaitForGone("small"), SandboxGone::OUT_OF_MEMORY);
  EXPECT_FALSE(shared_->GroupExists("small"));
}

TEST_F(LimitsTest, OutOfMemoryInASubprocessEndsTheSandboxToo) {
  RunningSandbox sandbox = LaunchWith(SmallMemory);
  // The child is the largest process and the one that the kernel picks.
  EXPECT_TRUE(shared_
                  ->Run(sandbox,
                        "import os, time\n"
                        "if os.fork() == 0:\n"
                        "    kept = b'x' * (512 << 20)\n"
                        "    os._exit(0)\n"
                        "time.sleep(600)")
                  .gone);
  EXPECT_EQ(shared_->WaitForGone("small"), SandboxGone::OUT_OF_MEMORY);
}

TEST_F(LimitsTest, FilesInTheWritableLayerAreMemory) {
  RunningSandbox sandbox = LaunchWith(SmallMemory);
  EXPECT_TRUE(shared_
                  ->Run(sandbox,
                        "open('/tmp/f', 'wb').write(b'x' * 1000)\n"
                        "with open('/tmp/f', 'wb') as f:\n"
                        "    for i in range(200): f.write(b'x' * (1 << 20)); f.flush()")
                  .gone);
  EXPECT_EQ(shared_->WaitForGone("small"), SandboxGone::OUT_OF_MEMORY);
}

TEST_F(LimitsTest, OutOfMemoryHurtsNoNeighbour) {
  RunningSandbox neighbour = shared_->Launch("neighbour", zygote_);
  RunningSandbox sandbox = LaunchWith(SmallMemory);
  ASSERT_TRUE(neighbour.launched());
  shared_->Output(neighbour, "kept = 7");
  EXPECT_TRUE(shared_->Run(sandbox, "b'x' * (512 << 20)").gone);
  EXPECT_EQ(shared_->WaitForGone("small"), SandboxGone::OUT_OF_MEMORY);
  EXPECT_EQ(shared_->Output(neighbour, "print(kept)"), "7\n");
  shared_->Destroy("neighbour");
}

TEST_F(LimitsTest, AForkBombEndsAtThePidLimit) {
  constexpr int kPids = 24;
  RunningSandbox sandbox = LaunchWith([](v1::Limits& limits) { limits.set_pids(kPids); });
  EXPECT_EQ(shared_->Output(sandbox,
                            "import os, time\n"
                            "made = 0\n"
                            "try:\n"
                            "    while made < 500:\n"
                            "        if os.fork() == 0:\n"
                            "            time.sleep(300); os._exit(0)\n"
                            "        made += 1\n"
                            "except BlockingIOError: print(made)"),
            // Init and the context count.
            absl::StrCat(kPids - 2, "\n"));
  EXPECT_EQ(sandbox.Stat(StatFile::PIDS_CURRENT), kPids);
  shared_->Destroy("small");
}

TEST_F(LimitsTest, DestroyReachesEveryProcess) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits&) {});
  shared_->Output(sandbox,
                  "import os, signal, time\n"
                  "for i in range(10):\n"
                  "    if os.fork() == 0:\n"
                  "        os.setsid()\n"
                  "        if os.fork() > 0: os._exit(0)\n"
                  "        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
                  "            signal.signal(s, signal.SIG_IGN)\n"
                  "        if i % 2: os.kill(os.getpid(), signal.SIGSTOP)\n"
                  "        time.sleep(300); os._exit(0)\n"
                  "    else: os.wait()");
  std::vector<pid_t> pids = shared_->PidsOf("small");
  EXPECT_EQ(pids.size(), 12u);
  shared_->Destroy("small");
  // Whoever started the context reaps it in its own time.
  for (pid_t pid : pids) {
    EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(absl::StrCat("/proc/", pid)); }))
        << pid;
  }
}

TEST_F(LimitsTest, OrphansAreReaped) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits&) {});
  shared_->Output(sandbox, absl::StrCat("import os\nfor i in range(", InUml() ? 5 : 40,
                                        "):\n"
                                        "    if os.fork() == 0:\n"
                                        "        if os.fork() == 0: os._exit(0)\n"
                                        "        os._exit(0)\n"
                                        "    os.wait()"));
  EXPECT_TRUE(Eventually([&] { return sandbox.Stat(StatFile::PIDS_CURRENT) == 2; }))
      << sandbox.Stat(StatFile::PIDS_CURRENT) << " processes left";
}

TEST_F(LimitsTest, DiskAndInodesEnd) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits& limits) {
    limits.set_disk_bytes(8 << 20);
    limits.set_disk_inodes(200);
  });
  EXPECT_THAT(shared_->Run(sandbox, "open('/tmp/f', 'wb').write(b'x' * (9 << 20))").error,
              HasSubstr("No space left"));
  EXPECT_THAT(shared_
                  ->Run(sandbox,
                        "import os; os.unlink('/tmp/f')\n"
                        "for i in range(300): open(f'/dev/shm/{i}', 'w').close()")
                  .error,
              HasSubstr("No space left"));
}

TEST_F(LimitsTest, ResourceLimitsAreThoseOfThePlan) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits& limits) {
    limits.set_open_files(77);
    limits.set_file_size_bytes(123 << 10);
  });
  EXPECT_EQ(shared_->Output(sandbox,
                            "import resource as r\n"
                            "for n in 'NOFILE FSIZE CORE MEMLOCK NICE RTPRIO'.split():\n"
                            "    print(n, *r.getrlimit(getattr(r, 'RLIMIT_' + n)))"),
            "NOFILE 77 77\nFSIZE 125952 125952\nCORE 1 1\nMEMLOCK 0 0\nNICE 0 0\nRTPRIO 0 0\n");
}

TEST_F(LimitsTest, CpuIsAQuota) {
  RunningSandbox sandbox = LaunchWith([](v1::Limits& limits) { limits.set_cpu_millis(200); });
  std::string shares = shared_->Output(sandbox,
                                       "import time\n"
                                       "w, c = time.monotonic(), time.process_time()\n"
                                       "while time.monotonic() < w + 1.2: pass\n"
                                       "used = time.process_time() - c\n"
                                       "print(int(used / (time.monotonic() - w) * 1000))");
  int used = 0;
  ASSERT_TRUE(absl::SimpleAtoi(shares, &used)) << shares;
  // Of the time that passed: what the host's own hypervisor takes counts as the sandbox's, and the
  // quota has it paid back. A period's worth of slack on either side.
  EXPECT_LT(used, 320) << "thousandths of a core";
}

}  // namespace
}  // namespace warren
