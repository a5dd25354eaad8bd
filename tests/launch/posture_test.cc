// What the processes of a sandbox are, as the host sees them and as they see themselves. Needs
// root.

#include <sys/stat.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNone[] = "0000000000000000";
constexpr const char* kCapabilitySets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

class PostureTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    sandbox_ = shared_->Launch("posture", zygote_);
    ASSERT_TRUE(sandbox_.launched()) << sandbox_.reply.message();
    init_ = shared_->InitOf("posture");
    for (pid_t pid : shared_->PidsOf("posture")) {
      if (pid != init_) context_ = pid;
    }
    ASSERT_GT(context_, 0);
  }
  void TearDown() override { shared_->Destroy("posture"); }

  // "first count" of a process's user id map, as the host sees it.
  static std::pair<int64_t, int64_t> IdRange(pid_t pid, const char* map) {
    absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid, "/", map));
    std::vector<std::string> fields =
        text.ok() ? absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty())
                  : std::vector<std::string>();
    std::pair<int64_t, int64_t> range = {-1, -1};
    if (fields.size() != 3 || fields[0] != "0" || !absl::SimpleAtoi(fields[1], &range.first) ||
        !absl::SimpleAtoi(fields[2], &range.second)) {
      ADD_FAILURE() << map << " of " << pid << ": " << (text.ok() ? *text : "unreadable");
    }
    return range;
  }

  RunningSandbox sandbox_;
  pid_t init_ = -1;
  pid_t context_ = -1;
};

TEST_F(PostureTest, NoProcessHasACapability) {
  for (pid_t pid : {init_, context_}) {
    for (const char* set : kCapabilitySets) EXPECT_EQ(StatusField(pid, set), kNone) << pid << set;
  }
}

TEST_F(PostureTest, EveryProcessIsUnderAFilterForGood) {
  for (pid_t pid : {init_, context_}) {
    EXPECT_EQ(StatusField(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(StatusField(pid, "Seccomp"), "2");
  }
}

TEST_F(PostureTest, IdsAreASliceOfTheSandboxAlone) {
  std::pair<int64_t, int64_t> range = IdRange(context_, "uid_map");
  EXPECT_EQ(range.second, 65536);
  EXPECT_GE(range.first, 0x70000000) << "far above every user of the host";
  EXPECT_EQ(IdRange(context_, "gid_map"), range);
  EXPECT_EQ(IdRange(init_, "uid_map"), range);
  auto all_of = [](int64_t id) { return absl::StrCat(id, " ", id, " ", id, " ", id); };
  EXPECT_EQ(StatusField(context_, "Uid"), all_of(range.first + 1000));
  EXPECT_EQ(StatusField(context_, "Gid"), all_of(range.first + 1000));
  EXPECT_EQ(StatusField(init_, "Uid"), all_of(range.first));
  EXPECT_EQ(StatusField(init_, "Gid"), all_of(range.first));
  EXPECT_EQ(StatusField(context_, "Groups"), "");
  EXPECT_EQ(StatusField(init_, "Groups"), "");
}

TEST_F(PostureTest, EveryNamespaceIsItsOwn) {
  for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    auto of = [&](pid_t pid) {
      return fs::read_symlink(absl::StrCat("/proc/", pid, "/ns/", name)).string();
    };
    EXPECT_EQ(of(context_), of(init_)) << name;
    for (pid_t other : {::getpid(), shared_->PidsOf(absl::StrCat("zygote-", zygote_)).at(0)}) {
      EXPECT_NE(of(context_), of(other)) << name;
    }
  }
}

TEST_F(PostureTest, TheContextHasItsFiveDescriptorsOnly) {
  EXPECT_EQ(shared_->Output(sandbox_,
                            "import os\n"
                            "for fd in range(64):\n"
                            "    try: print(fd, os.readlink(f'/proc/self/fd/{fd}').split(':')[0],\n"
                            "               os.get_inheritable(fd))\n"
                            "    except OSError: pass"),
            "0 /dev/null True\n1 pipe True\n2 pipe True\n3 pipe False\n4 pipe False\n");
}

TEST_F(PostureTest, InitHoldsNoDescriptorOfTheHost) {
  for (const fs::directory_entry& entry :
       fs::directory_iterator(absl::StrCat("/proc/", init_, "/fd"))) {
    int fd = 0;
    ASSERT_TRUE(absl::SimpleAtoi(entry.path().filename().string(), &fd));
    std::string target = fs::read_symlink(entry.path()).string();
    // The anchor's /dev/null, its control socket, and nothing of the set-up.
    EXPECT_LE(fd, 3) << target;
    EXPECT_THAT(target, ::testing::AnyOf(HasSubstr("null"), HasSubstr("socket"))) << fd;
  }
}

TEST_F(PostureTest, InitRunsFromASealedCopy) {
  std::string executable = fs::read_symlink(absl::StrCat("/proc/", init_, "/exe")).string();
  EXPECT_THAT(executable, HasSubstr("memfd:warren-init"));
  // hidepid: what it may not trace it does not see.
  for (const char* file : {"exe", "mem", "environ"}) {
    EXPECT_THAT(shared_->Run(sandbox_, absl::StrCat("open('/proc/1/", file, "', 'rb')")).error,
                HasSubstr("FileNotFoundError"))
        << file;
  }
}

TEST_F(PostureTest, ProcessesOfOthersAreInvisible) {
  EXPECT_EQ(shared_->Output(sandbox_,
                            "import os; print([p for p in os.listdir('/proc') if p.isdigit()], "
                            "os.getpid(), os.getsid(0))"),
            "['2'] 2 2\n");
}

TEST_F(PostureTest, TheRootIsTheTemplates) {
  EXPECT_EQ(
      shared_->Output(
          sandbox_,
          "import os\n"
          "print(os.path.exists('/newroot'), os.path.exists('/layer'),\n"
          "      os.path.realpath('/..'), sorted(os.listdir('/opt/warren')), os.listdir('/sys'))"),
      "False False / ['bin', 'builder'] []\n");
  std::string mounts = shared_->Output(sandbox_, "print(open('/proc/self/mountinfo').read())");
  for (absl::string_view line : absl::StrSplit(mounts, '\n', absl::SkipEmpty())) {
    std::vector<std::string> fields = absl::StrSplit(line, ' ');
    ASSERT_GT(fields.size(), 5u);
    EXPECT_THAT(fields[5], HasSubstr("nosuid")) << line;
    // devpts has devices by nature, the device tree by purpose.
    if (fields[4].rfind("/dev", 0) != 0 && fields[4].rfind("/proc/", 0) != 0) {
      EXPECT_THAT(fields[5], HasSubstr("nodev")) << line;
    }
    // No propagation to or from anywhere.
    EXPECT_THAT(std::string(line), Not(HasSubstr("shared:"))) << line;
    EXPECT_THAT(std::string(line), Not(HasSubstr("master:"))) << line;
  }
}

TEST_F(PostureTest, OnlyTheUsersOwnDirectoriesTakeWrites) {
  EXPECT_EQ(shared_->Output(sandbox_,
                            "import os\n"
                            "for d in ('/', '/etc', '/usr', '/usr/lib', '/dev', "
                            "'/proc/sys/kernel', '/root', '/opt',\n"
                            "          '/home/user', '/tmp', '/var/tmp', '/dev/shm'):\n"
                            "    try:\n"
                            "        open(d + '/x', 'w').close(); print(d)\n"
                            "    except OSError: pass"),
            "/home/user\n/tmp\n/var/tmp\n/dev/shm\n");
}

TEST_F(PostureTest, MaskedFilesAreEmpty) {
  EXPECT_EQ(shared_->Output(sandbox_,
                            "import os\n"
                            "for f in ('kcore', 'keys', 'kallsyms', 'timer_list', 'modules'):\n"
                            "    p = '/proc/' + f\n"
                            "    if os.path.exists(p) and open(p, 'rb').read(1): print(p)\n"
                            "for d in ('bus', 'irq', 'fs', 'driver', 'tty'):\n"
                            "    p = '/proc/' + d\n"
                            "    if os.path.exists(p) and os.listdir(p): print(p)"),
            "");
}

TEST_F(PostureTest, TheZygoteIsNobodyOutside) {
  pid_t zygote = shared_->PidsOf(absl::StrCat("zygote-", zygote_)).at(0);
  EXPECT_EQ(StatusField(zygote, "NoNewPrivs"), "1");
  EXPECT_EQ(StatusField(zygote, "Seccomp"), "2");
  // CAP_SYS_PTRACE and CAP_SYS_ADMIN, in the template user namespace.
  EXPECT_EQ(StatusField(zygote, "CapBnd"), "0000000000280000");
  EXPECT_GE(IdRange(zygote, "uid_map").first, 0x70000000);
  EXPECT_NE(fs::read_symlink(absl::StrCat("/proc/", zygote, "/ns/user")),
            fs::read_symlink("/proc/self/ns/user"));
  // Slot 0 is the zygotes': no sandbox's ids are in it.
  int64_t uid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(StatusField(zygote, "Uid").substr(0, 10), &uid));
  std::pair<int64_t, int64_t> sandbox = IdRange(context_, "uid_map");
  EXPECT_TRUE(uid < sandbox.first || uid >= sandbox.first + sandbox.second) << uid;
}

TEST_F(PostureTest, TheLauncherKeepsNoMoreThanItNeeds) {
  EXPECT_EQ(StatusField(shared_->pid(), "CapBnd"), StatusField(shared_->pid(), "CapPrm"));
  uint64_t kept = std::stoull(StatusField(shared_->pid(), "CapEff"), nullptr, 16);
  constexpr uint64_t kNetAdmin = 1ULL << 12;
  constexpr uint64_t kSysModule = 1ULL << 16;
  constexpr uint64_t kSysBoot = 1ULL << 22;
  EXPECT_EQ(kept & (kNetAdmin | kSysModule | kSysBoot), 0u);
}

}  // namespace
}  // namespace warren
