// Package sets in sandboxes: mounted while these live, seen at once, shared with nobody. Needs
// root.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "tests/launch/packages_testing.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string kFirst(64, 'a');
const std::string kSecond(64, 'b');

// Anchor, janitor, relay, fetcher, store and zygote.
constexpr size_t kAtRest = 6;

constexpr char kAttempt[] = R"(
import errno, importlib, os, subprocess, sys
def attempt(work):
    try:
        return work()
    except ImportError as error:
        return f'no {error.name}'
    except OSError as error:
        return errno.errorcode[error.errno]
def load(name):
    return attempt(lambda: importlib.import_module(name).value)
def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[-1]
)";

class PackageMountsTest : public PackagesTest {
 protected:
  void SetUp() override {
    PackagesTest::SetUp();
    ASSERT_NE(launcher_, nullptr);
    MakeSet(kFirst, {{"early.py", "value = 'first'"},
                     {"shared/__init__.py", "value = 'of the first'"},
                     {"bin/early", "#!/bin/sh\necho from the first"}});
    MakeSet(kSecond, {{"late.py", "value = 'second'"}, {"early.py", "value = 'again'"}});
  }
  RunningSandbox LaunchReady(const std::string& id, const std::string& profile = "") {
    RunningSandbox sandbox = Launch(id, profile);
    launcher_->Output(sandbox, kAttempt);
    return sandbox;
  }
};

TEST_F(PackageMountsTest, ThereIsAnEmptyDirectoryFromTheStart) {
  RunningSandbox sandbox = LaunchReady("empty");
  EXPECT_EQ(Say(sandbox,
                "os.listdir('/opt/packages'), oct(os.stat('/opt/packages').st_mode), "
                "os.stat('/opt/packages').st_uid"),
            "[] 0o40755 0\n");
  // Right behind the user's own, and before all of the template's.
  EXPECT_EQ(Say(sandbox, "[folder for folder in sys.path if 'packages' in folder][:2]"),
            absl::StrCat("['/home/user/.local/lib/python",
                         Say(sandbox, "'%d.%d' % sys.version_info[:2]").substr(0, 4),
                         "/site-packages', '/opt/packages']\n"));
  EXPECT_EQ(Say(sandbox,
                "os.environ['PYTHONPATH'], "
                "os.environ['PATH'].split(':').index('/opt/packages/bin')"),
            "/opt/packages 2\n");
}

TEST_F(PackageMountsTest, ALivingContextSeesThemAtOnce) {
  RunningSandbox sandbox = LaunchReady("lives");
  EXPECT_EQ(Say(sandbox, "load('early'), load('late')"), "no early no late\n");
  EXPECT_EQ(Mount("lives", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('early'), load('shared'), load('late')"),
            "first of the first no late\n");
  // So does what it starts.
  EXPECT_EQ(Say(sandbox, "run(sys.executable, '-c', 'import early; print(early.value)')"),
            "first\n");
  EXPECT_EQ(Say(sandbox, "run('early')"), "from the first\n");
}

TEST_F(PackageMountsTest, WhatItsUserInstallsComesFirstAndIsSeenToo) {
  RunningSandbox sandbox = LaunchReady("own");
  EXPECT_EQ(Mount("own", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('mine')"), "no mine\n");
  // As pip does, in a process of its own.
  EXPECT_EQ(Say(sandbox,
                "run('sh', '-c', 'd=$(python3 -m site --user-site); mkdir -p $d; "
                "for m in mine early; do echo value = 1 > $d/$m.py; done; echo done')"),
            "done\n");
  EXPECT_EQ(Say(sandbox, "load('mine'), load('early')"), "1 1\n");
}

TEST_F(PackageMountsTest, TheNextSetLiesOnTop) {
  RunningSandbox sandbox = LaunchReady("stacked");
  EXPECT_EQ(Mount("stacked", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('early'), load('late')"), "first no late\n");
  launcher_->Output(sandbox, "import shared; kept = open('/opt/packages/shared/__init__.py')");
  EXPECT_EQ(Mount("stacked", kSecond), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('late'), load('shared')"), "second of the first\n");
  EXPECT_EQ(Say(sandbox, "sorted(os.listdir('/opt/packages'))"), "['early.py', 'late.py']\n");
  EXPECT_EQ(Say(sandbox, "kept.read()"), "value = 'of the first'\n");
  // And back.
  EXPECT_EQ(Mount("stacked", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('shared'), os.path.exists('/opt/packages/late.py')"),
            "of the first False\n");
}

TEST_F(PackageMountsTest, NobodyInsideCanWriteToThem) {
  for (const char* profile : {"user", "root"}) {
    RunningSandbox sandbox = LaunchReady(profile, profile);
    EXPECT_EQ(Mount(profile, kFirst), absl::OkStatus());
    EXPECT_EQ(Say(sandbox,
                  "attempt(lambda: open('/opt/packages/early.py', 'r+')), "
                  "attempt(lambda: os.mkdir('/opt/packages/new')), "
                  "attempt(lambda: os.unlink('/opt/packages/early.py'))"),
              "EROFS EROFS EROFS\n")
        << profile;
    EXPECT_EQ(Say(sandbox,
                  "os.stat('/opt/packages/early.py').st_uid, "
                  "os.statvfs('/opt/packages').f_flag & "
                  "(os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC) == "
                  "os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV"),
              "0 True\n");
    EXPECT_THAT(Say(sandbox, "open('/proc/self/mountinfo').read()"),
                HasSubstr(" /opt/packages ro,nosuid,nodev"));
  }
}

TEST_F(PackageMountsTest, LocksOfTwoSandboxesDoNotMeet) {
  constexpr char kLock[] = R"(
import fcntl
file = open('/opt/packages/early.py')
def lock(what):
    return attempt(lambda: fcntl.flock(what, fcntl.LOCK_EX | fcntl.LOCK_NB))
)";
  RunningSandbox one = LaunchReady("one");
  RunningSandbox other = LaunchReady("other");
  for (const RunningSandbox* each : {&one, &other}) {
    EXPECT_EQ(Mount(each->id, kFirst), absl::OkStatus());
    launcher_->Output(*each, kLock);
    EXPECT_EQ(Say(*each, "lock(file)"), "None\n") << each->id;
  }
  // Of one it holds.
  EXPECT_EQ(Say(one, "lock(open('/opt/packages/early.py'))"), "EAGAIN\n");
  // And the file below is nobody's.
  const fs::path below = store_ / "sets" / kFirst / "tree/early.py";
  const UniqueFd file(::open(below.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(PackageMountsTest, WatchesOfTwoSandboxesDoNotMeet) {
  constexpr char kWatch[] = R"(
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(os.O_NONBLOCK)
OPEN = 0x20
assert libc.inotify_add_watch(watch, b'/opt/packages/early.py', OPEN) > 0
)";
  RunningSandbox watcher = LaunchReady("watcher");
  RunningSandbox reader = LaunchReady("reader");
  for (const RunningSandbox* each : {&watcher, &reader})
    EXPECT_EQ(Mount(each->id, kFirst), absl::OkStatus());
  launcher_->Output(watcher, kWatch);
  EXPECT_EQ(Say(reader, "open('/opt/packages/early.py').read()"), "value = 'first'\n");
  EXPECT_EQ(Say(watcher, "attempt(lambda: os.read(watch, 4096))"), "EAGAIN\n");
  // Of its own it hears.
  EXPECT_EQ(Say(watcher, "open('/opt/packages/early.py').read(), len(os.read(watch, 4096)) > 0"),
            "value = 'first' True\n");
}

TEST_F(PackageMountsTest, WhatIsNoSetIsNotMounted) {
  RunningSandbox sandbox = LaunchReady("refused");
  const std::string absent(64, 'c');
  EXPECT_TRUE(absl::IsNotFound(Mount("refused", absent)));
  EXPECT_TRUE(absl::IsNotFound(Mount("nobody", kFirst)));
  // Nor is what the store would have put in a set's place.
  fs::create_directories(store_ / "sets" / absent);
  fs::create_directory_symlink("/usr", store_ / "sets" / absent / "tree");
  EXPECT_TRUE(absl::IsNotFound(Mount("refused", absent)));
  fs::remove(store_ / "sets" / absent / "tree");
  std::ofstream(store_ / "sets" / absent / "tree") << "a file";
  EXPECT_TRUE(absl::IsNotFound(Mount("refused", absent)));
  const std::string hostile[] = {"",
                                 "..",
                                 "../../..",
                                 std::string(63, 'a'),
                                 std::string(65, 'a'),
                                 std::string(64, 'A'),
                                 std::string(63, 'a') + "/",
                                 std::string(63, 'a') + std::string(1, '\0'),
                                 kFirst + "/../" + kFirst,
                                 std::string(12000, 'a')};
  for (const std::string& digest : hostile)
    EXPECT_TRUE(absl::IsInvalidArgument(Mount("refused", digest))) << digest;
  EXPECT_EQ(Say(sandbox, "os.listdir('/opt/packages')"), "[]\n");
}

TEST_F(PackageMountsTest, NotWhileItStandsStill) {
  RunningSandbox sandbox = LaunchReady("paused");
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestPause("paused")), absl::OkStatus());
  absl::Status status = Mount("paused", kFirst);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("paused"));
  ASSERT_EQ(launcher_->WaitForStatus(launcher_->RequestResume("paused")), absl::OkStatus());
  EXPECT_EQ(Mount("paused", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('early')"), "first\n");
}

TEST_F(PackageMountsTest, WhereRootInsideTookTheDirectoryAwayNothingElseIsCovered) {
  RunningSandbox sandbox = LaunchReady("gone", "root");
  launcher_->Output(sandbox, "os.rmdir('/opt/packages'); os.symlink('/etc', '/opt/packages')");
  absl::Status linked = Mount("gone", kFirst);
  EXPECT_TRUE(absl::IsFailedPrecondition(linked)) << linked;
  EXPECT_THAT(std::string(linked.message()), HasSubstr("/opt/packages"));
  EXPECT_EQ(Say(sandbox, "os.path.exists('/etc/passwd'), os.path.exists('/etc/early.py')"),
            "True False\n");
  launcher_->Output(sandbox, "os.unlink('/opt/packages')");
  EXPECT_TRUE(absl::IsFailedPrecondition(Mount("gone", kFirst)));
  launcher_->Output(sandbox, "os.mkdir('/opt/packages')");
  EXPECT_EQ(Mount("gone", kFirst), absl::OkStatus());
  EXPECT_EQ(Say(sandbox, "load('early')"), "first\n");
}

TEST_F(PackageMountsTest, SoOftenAndNoMore) {
  constexpr int kMost = 256;
  RunningSandbox sandbox = LaunchReady("often");
  for (int i = 0; i < kMost; ++i)
    ASSERT_EQ(Mount("often", i % 2 == 0 ? kFirst : kSecond), absl::OkStatus()) << i;
  absl::Status status = Mount("often", kFirst);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(Say(sandbox, "load('late')"), "second\n");
}

TEST_F(PackageMountsTest, ManyAtATimeAreAllAnswered) {
  RunningSandbox sandbox = LaunchReady("many");
  std::vector<uint64_t> requests;
  for (int i = 0; i < 80; ++i) requests.push_back(launcher_->RequestPackages("many", kFirst));
  int mounted = 0;
  for (uint64_t request : requests) {
    absl::Status status = launcher_->WaitForStatus(request);
    EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
    mounted += status.ok() ? 1 : 0;
  }
  EXPECT_GE(mounted, 1);
  EXPECT_EQ(Say(sandbox, "load('early')"), "first\n");
}

TEST_F(PackageMountsTest, OneUnderWayEndsWithTheSandbox) {
  const int rounds = InUml() ? 3 : 20;
  for (int round = 0; round < rounds; ++round) {
    const std::string id = absl::StrCat("brief", round);
    RunningSandbox sandbox = Launch(id);
    const uint64_t mount = launcher_->RequestPackages(id, kFirst);
    const uint64_t destroy = launcher_->RequestDestroy(id);
    absl::Status status = launcher_->WaitForStatus(mount);
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
    EXPECT_EQ(launcher_->WaitForStatus(destroy), absl::OkStatus());
    EXPECT_EQ(launcher_->WaitForGone(id), internal::SandboxGone::DESTROYED);
  }
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == kAtRest; }));
}

TEST_F(PackageMountsTest, ManyLeaveTheLauncherAndTheStoreAsTheyWere) {
  const int rounds = InUml() ? 3 : 20;
  auto mounts = [] {
    auto text = ReadFile("/proc/self/mountinfo");
    return text.ok() ? *text : text.status().ToString();
  };
  LaunchReady("first");
  EXPECT_EQ(Mount("first", kFirst), absl::OkStatus());
  launcher_->Destroy("first");
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == kAtRest; }));
  const size_t before = DescriptorsOf(launcher_->pid());
  const std::string mounted = mounts();
  for (int round = 0; round < rounds; ++round) {
    const std::string id = absl::StrCat("round", round);
    RunningSandbox sandbox = LaunchReady(id);
    for (const std::string& digest : {kFirst, kSecond, std::string(64, 'c')})
      EXPECT_EQ(Mount(id, digest).ok(), digest.front() != 'c');
    EXPECT_EQ(Say(sandbox, "load('late')"), "second\n");
    launcher_->Destroy(id);
  }
  EXPECT_TRUE(Eventually([&] { return DescriptorsOf(launcher_->pid()) == before; }))
      << DescriptorsOf(launcher_->pid()) << " were " << before;
  EXPECT_TRUE(Eventually([&] { return launcher_->Descendants().size() == kAtRest; }));
  EXPECT_EQ(mounts(), mounted);
  // Nothing holds a set any more.
  EXPECT_GT(fs::remove_all(store_ / "sets" / kSecond), 0u);
}

}  // namespace
}  // namespace warren
