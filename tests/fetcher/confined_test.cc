// The program itself, as its launcher starts it: in namespaces of its own, with its profile and its
// filter.

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/launch/child/setup.h"
#include "runtime/linux/detached_mount.h"
#include "runtime/linux/memfd.h"
#include "runtime/policy/profile.h"
#include "runtime/policy/seccomp_policy.h"
#include "tests/fetcher/fetcher_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Nobody's on the host.
constexpr int kFirstId = 0x40000000;

struct Ends {
  int control;
  int program;
  int go;
};

// Runs in the child: system calls only.
[[noreturn]] void BecomeFetcher(const Ends& ends) {
  char go;
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) != 0) ::_exit(120);
  if (::write(ends.go, "u", 1) != 1 || ::read(ends.go, &go, 1) != 1) ::_exit(121);
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
    ::_exit(122);
  }
  if (::dup2(ends.control, kControlFd) < 0 || ::dup3(ends.program, kControlFd + 1, O_CLOEXEC) < 0 ||
      ::syscall(SYS_close_range, kControlFd + 2, ~0U, 0) != 0) {
    ::_exit(123);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const char* argv[] = {"warren-fetcher", nullptr};
  const char* envp[] = {nullptr};
  ::syscall(SYS_execveat, kControlFd + 1, "", argv, envp, AT_EMPTY_PATH);
  ::_exit(124);
}

std::string ProfileBytes() {
  const auto text = LoadProfile("policies/profiles/fetcher.textproto", {"fetcher"});
  EXPECT_TRUE(text.ok()) << text.status();
  ProcessProfile profile;
  profile.uid = text->uid();
  profile.gid = text->gid();
  profile.capabilities = CapabilityMask(*text);
  profile.securebits = Securebits(*text);
  profile.flags = kProfileNoNewPrivileges;
  EXPECT_TRUE(text->no_new_privs() && !text->dumpable());
  return {reinterpret_cast<const char*>(&profile), sizeof(profile)};
}

class ConfinedTest : public FetcherTest {
 protected:
  ~ConfinedTest() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void Launch(UniqueFd launcher, UniqueFd supervisor) override {
    int go[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go), 0);
    const UniqueFd ours(go[0]);
    UniqueFd theirs(go[1]);
    const UniqueFd program(::open(WARREN_FETCHER, O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(program.valid());
    // Above what is dup'ed onto.
    const UniqueFd control(::fcntl(launcher.get(), F_DUPFD_CLOEXEC, 16));
    const UniqueFd executable(::fcntl(program.get(), F_DUPFD_CLOEXEC, 16));
    const UniqueFd pipe(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 16));
    pid_ = ::fork();
    if (pid_ == 0) BecomeFetcher({control.get(), executable.get(), pipe.get()});
    ASSERT_GT(pid_, 0);
    char unshared;
    ASSERT_EQ(::read(ours.get(), &unshared, 1), 1);
    for (const char* file : {"uid_map", "gid_map"}) {
      ASSERT_TRUE(WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid_, "/", file),
                                   absl::StrCat("0 ", kFirstId, " 65536\n"))
                      .ok());
    }
    SendSetup(supervisor.get());
    ASSERT_EQ(::write(ours.get(), "g", 1), 1);
  }

  void SendSetup(int supervisor) {
    internal::FetcherOrder order;
    *order.mutable_setup() = setup_;
    order.mutable_setup()->set_profile(ProfileBytes());
    const auto policy = LoadSeccompPolicy("policies/seccomp/fetcher.textproto");
    ASSERT_TRUE(policy.ok()) << policy.status();
    const auto compiled = CompileSeccompPolicy(*policy);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    const auto memfd = SealedMemfd("policy", SerializePolicy(*compiled));
    ASSERT_TRUE(memfd.ok()) << memfd.status();
    std::vector<UniqueFd> mounts;
    std::vector<int> fds = {supervisor, memfd->get()};
    for (int i = 0; i < setup_.policy().indexes_size(); ++i) {
      if (setup_.policy().indexes(i).url()[0] != '/') continue;
      const std::string path = absl::StrCat(directories_, "/", i);
      const UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      auto tree = CloneTree(directory.get(), path, TreeUse::kRead);
      ASSERT_TRUE(tree.ok()) << tree.status();
      fds.push_back(tree->get());
      mounts.push_back(*std::move(tree));
    }
    ASSERT_TRUE(SendMessage(launcher_.get(), order.SerializeAsString(), fds).ok());
  }

  pid_t pid_ = 0;
};

TEST_F(ConfinedTest, ServesIndexesOfBothKinds) {
  const std::string content(3 << 20, 'x');
  const Certificate certificate = MakeCertificate();
  IndexServer server("127.0.0.1", &certificate);
  server.Set("/simple/numpy/", JsonPage(JsonFile(kWheel, "/a.whl", HexSha256(content))));
  server.Set(
      "/simple/scipy/",
      {200, absl::StrCat("<a href='/scipy-1.0-py3-none-any.whl#sha256=", HexSha256("x"), "'>x</a>"),
       "text/html; charset=utf-8"});
  server.Set("/a.whl", {200, content});
  setup_.mutable_policy()->add_allow()->set_requirement("*");
  // By its name, which the host's own file has.
  AddIndex("secure", absl::StrCat("https://localhost:", server.port(), "/simple/"));
  setup_.mutable_secrets(0)->set_certificates(certificate.certificate);
  const std::string directory = AddDirectory("wheels");
  ::chmod(directories_.c_str(), 0755);
  std::ofstream(absl::StrCat(directory, "/requests-2.0-py3-none-any.whl")) << content;
  Start();

  EXPECT_EQ(Get("/").result_int(), 200u);
  std::vector<std::string> links = LinksOf(Get("/simple/numpy/"));
  ASSERT_THAT(links, SizeIs(1));
  EXPECT_TRUE(Get(links[0]).body() == content);
  EXPECT_THAT(LinksOf(Get("/simple/scipy/")), SizeIs(1));
  links = LinksOf(Get("/simple/requests/"));
  ASSERT_THAT(links, SizeIs(1));
  EXPECT_TRUE(Get(links[0]).body() == content);
  EXPECT_EQ(Connect()->Get(links[0], "Range: bytes=0-9\r\n").body(), content.substr(0, 10));
  // It is logged, and the filter lets it.
  server.Set("/simple/numpy/", {503, "", "text/html"});
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 502u);
}

TEST_F(ConfinedTest, HasThreadsForAll) {
  Start();
  std::vector<std::unique_ptr<Program>> programs;
  for (size_t i = 0; i < 40; ++i) {
    programs.push_back(Connect(internal::USER, absl::StrCat("sandbox", i / 8)));
    EXPECT_EQ(programs.back()->Get("/").result_int(), 200u);
  }
  EXPECT_EQ(Connect(internal::USER, "sandbox0")->Get("/").result_int(), 503u);
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 404u);
}

// Whatever answers or not: the name server is asked, and the program lives.
TEST_F(ConfinedTest, ANameThatNobodyHasIsAnError) {
  AddIndex("missing", "https://index.invalid/simple/");
  Start();
  EXPECT_THAT(Get("/simple/numpy/").body(), HasSubstr("index \"missing\": "));
  EXPECT_EQ(Get("/").result_int(), 200u);
}

TEST_F(ConfinedTest, HasNothingOfTheHosts) {
  Start();
  EXPECT_EQ(Get("/").result_int(), 200u);
  const std::string root = absl::StrCat("/proc/", pid_, "/root");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("etc"));
  const std::string status = *ReadFile(absl::StrCat("/proc/", pid_, "/status"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
}

TEST_F(ConfinedTest, EndsWithItsSupervisor) {
  Start();
  EXPECT_EQ(Get("/").result_int(), 200u);
  supervisor_.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = 0;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace warren::testing
