// The program as the launcher starts it: in namespaces of its own, confined by its profile and
// under its filter.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/launcher/process_profiles.h"
#include "runtime/linux/detached_mount.h"
#include "runtime/linux/process.h"
#include "tests/store/test_store.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::IsEmpty;

// Of nobody on the host.
constexpr char kMap[] = "0 1999999999 1\n";

[[noreturn]] void BecomeStore(int go, int made, int control, int errors) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    ::_exit(120);
  char byte = 'm';
  if (::write(made, &byte, 1) != 1 || ::read(go, &byte, 1) != 1) ::_exit(121);
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) ::_exit(122);
  if (::dup2(errors, STDERR_FILENO) < 0 || ::dup2(control, kControlFd) < 0) ::_exit(123);
  const char* argv[] = {"warren-store", nullptr};
  const char* envp[] = {nullptr};
  ::execve(WARREN_PREFIX "/bin/warren-store", const_cast<char**>(argv), const_cast<char**>(envp));
  ::_exit(124);
}

class StoreProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "run this as root";
    directory_ = MakeTestDirectory();
    // Nobody must be able to reach it.
    ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
    Start();
  }
  void TearDown() override {
    Kill();
    RemoveTestDirectory(directory_);
  }

  void Start() {
    absl::StatusOr<Pipe> go = MakePipe();
    absl::StatusOr<Pipe> made = MakePipe();
    absl::StatusOr<Pipe> errors = MakePipe();
    absl::StatusOr<SocketPair> control = MakeSeqpacketPair();
    ASSERT_TRUE(go.ok() && made.ok() && errors.ok() && control.ok());
    pid_ = ::fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      // Above what is dup'ed onto.
      BecomeStore(go->read_end.get(), made->write_end.get(),
                  ::fcntl(control->second.get(), F_DUPFD, 16), errors->write_end.get());
    }
    errors_ = std::move(errors->read_end);
    control_ = std::move(control->first);
    char byte = 0;
    ASSERT_EQ(::read(made->read_end.get(), &byte, 1), 1);
    for (const char* file : {"uid_map", "gid_map"})
      ASSERT_TRUE(WriteControlFile(AT_FDCWD, absl::StrCat("/proc/", pid_, "/", file), kMap).ok());
    ASSERT_EQ(::write(go->write_end.get(), "g", 1), 1);
    SendSetup();
  }

  void SendSetup() {
    absl::StatusOr<ProcessProfiles> profiles =
        ProcessProfiles::Load(WARREN_PREFIX "/share/warren/policies");
    ASSERT_TRUE(profiles.ok()) << profiles.status();
    internal::StoreOrder order;
    order.mutable_setup()->set_max_bytes(TestStore::kRoomy);
    order.mutable_setup()->set_pace(1);
    const ProcessProfile& profile = profiles->store().process;
    order.mutable_setup()->set_profile(
        std::string(reinterpret_cast<const char*>(&profile), sizeof(profile)));
    const UniqueFd user(
        ::open(absl::StrCat("/proc/", pid_, "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd directory(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    absl::StatusOr<UniqueFd> mount =
        CloneTree(directory.get(), directory_, TreeUse::kReadAndWrite, user.get());
    ASSERT_TRUE(mount.ok()) << mount.status();
    absl::StatusOr<SocketPair> supervisor = MakeSeqpacketPair();
    ASSERT_TRUE(supervisor.ok());
    const int fds[] = {supervisor->second.get(), profiles->store().policy.get(), mount->get()};
    ASSERT_TRUE(SendMessage(control_.get(), order.SerializeAsString(), fds).ok());
    client_.Connect(std::move(supervisor->first));
  }

  int Await() {
    int status = -1;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    Await();
  }
  // What it logged until its end.
  std::string Log() { return ReadAll(errors_.get()).value_or("(none)"); }

  std::filesystem::path directory_;
  pid_t pid_ = 0;
  UniqueFd errors_;
  UniqueFd control_;
  StoreClient client_;
};

TEST_F(StoreProgram, DoesAllThatItIsAskedForUnderItsFilter) {
  const std::string large(3 << 20, 'x');
  internal::StoreReply reply;
  StoreClient::Adding adding = client_.BeginAdd("demo");
  SendAll(adding.builder.get(), StreamOf({{"d/a", large}, {"bin/tool", "x", true}}));
  reply = client_.Await(adding.id);
  ASSERT_EQ(CodeOf(reply), kOk) << reply.message();
  ASSERT_EQ(CodeOf(client_.Add("other", {{"o", "1"}})), kOk);
  EXPECT_EQ(CodeOf(client_.Add("broken", {{"../o", "1"}})), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(client_.Add("broken", {{"\xff", "1"}})), absl::StatusCode::kInvalidArgument);
  reply = client_.MakeSet({"demo", "other"}, KeyOf("request"));
  ASSERT_EQ(CodeOf(reply), kOk) << reply.message();
  const std::string digest = reply.set().digest();
  EXPECT_EQ(CodeOf(client_.Use(digest)), kOk);
  EXPECT_EQ(CodeOf(client_.FindResolution(KeyOf("request"))), kOk);
  EXPECT_THAT(client_.Missing({"demo", "other"}), IsEmpty());
  EXPECT_EQ(client_.Verify().packages(), 2);
  EXPECT_EQ(CodeOf(client_.Release(digest)), kOk);

  // What it has written is the host root's, and nobody may alter it.
  struct stat info = {};
  ASSERT_EQ(::stat((directory_ / "sets" / digest / "tree/bin/tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_gid, 0u);
  EXPECT_EQ(info.st_mode & 07777, 0555u);

  // Another life, in which it hashes what is there; and one that ends with its supervisor.
  Kill();
  Start();
  EXPECT_THAT(client_.Missing({"demo", "other"}), IsEmpty());
  EXPECT_EQ(CodeOf(client_.Use(digest)), kOk);
  EXPECT_EQ(CodeOf(client_.Release(digest)), kOk);
  EXPECT_EQ(client_.Prune(0).packages(), 2);
  EXPECT_EQ(client_.List().bytes(), 0);
  client_.Disconnect();
  EXPECT_EQ(Await(), 0) << Log();
}

TEST_F(StoreProgram, EndsWithItsLauncher) {
  ASSERT_EQ(client_.List().packages_size(), 0);
  control_.reset();
  EXPECT_EQ(Await(), 0) << Log();
}

TEST_F(StoreProgram, HasNothingButItsDirectory) {
  ASSERT_EQ(client_.List().packages_size(), 0);
  const std::string proc = absl::StrCat("/proc/", pid_);
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc + "/root")) {
    EXPECT_EQ(entry.path().filename(), "store");
    ++entries;
  }
  EXPECT_EQ(entries, 1);
  const std::string status = ReadFile(proc + "/status").value_or("");
  EXPECT_THAT(status, ::testing::HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, ::testing::HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_THAT(status, ::testing::HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, ::testing::HasSubstr("Seccomp:\t2"));
}

}  // namespace
}  // namespace warren
