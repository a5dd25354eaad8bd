// A store that is killed at any moment is whole at its next start.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "tests/store/test_store.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

constexpr int kPackages = 12;
constexpr int kMostMicroseconds = 20'000;
// A package of these tests: directories, and files of one block.
constexpr int64_t kKilledPackageBytes = 18 * 4096;

// How often it is killed: WARREN_STORE_KILLS, or a few times.
int Kills() {
  int kills = 12;
  const char* wanted = std::getenv("WARREN_STORE_KILLS");
  if (wanted != nullptr && !absl::SimpleAtoi(wanted, &kills)) ADD_FAILURE() << wanted;
  return kills;
}

// The store as a process, with the same main loop.
pid_t StartProcess(const std::filesystem::path& directory, UniqueFd supervisor, int other_end) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::close(other_end);
  // Not to speak of what it finds.
  ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
  internal::StoreSetup setup;
  // Not all that comes fits, so that it evicts as well.
  setup.set_max_bytes(kPackages * kKilledPackageBytes * 2 / 3);
  auto store = Store::Prepare(setup, UniqueFd(), std::move(supervisor));
  UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool ended = store.ok() && (*store)->Run(std::move(opened)).ok();
  ::_exit(ended ? 0 : 1);
}

std::vector<TestFile> FilesOf(int number) {
  std::vector<TestFile> files;
  for (int i = 0; i < 8; ++i)
    files.push_back({absl::StrCat("p", number, "/d", i, "/f"), std::string(number * 100, 'x')});
  return files;
}

void SendRequest(int supervisor, const internal::StoreRequest& request, int socket = -1) {
  std::vector<int> fds;
  if (socket >= 0) fds.push_back(socket);
  SendMessage(supervisor, request.SerializeAsString(), fds, WhenFull::kFail).IgnoreError();
}

void SendAdd(int supervisor, uint64_t id, int number) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd builder(ends[0]);
  const UniqueFd store_end(ends[1]);
  SendAll(builder.get(), StreamOf(FilesOf(number)));
  internal::StoreRequest request;
  request.set_id(id);
  *request.mutable_add_package()->mutable_package() = PackageNamed(absl::StrCat("p", number));
  SendRequest(supervisor, request, store_end.get());
}

void SendMakeSet(int supervisor, uint64_t id, int first, int second) {
  internal::StoreRequest request;
  request.set_id(id);
  internal::MakeSet& make = *request.mutable_make_set();
  *make.mutable_set()->add_packages() = PackageNamed(absl::StrCat("p", first));
  *make.mutable_set()->add_packages() = PackageNamed(absl::StrCat("p", second));
  make.set_request_digest(KeyOf(absl::StrCat(first, " ", second)));
  make.set_valid_seconds(3600);
  SendRequest(supervisor, request);
}

// How many replies it comes to.
int Churn(int supervisor, std::mt19937& random) {
  uint64_t id = 0;
  std::uniform_int_distribution<int> any(0, kPackages - 1);
  const auto make_sets = [&] {
    for (int i = 0; i < kPackages; ++i) {
      const int first = any(random);
      SendMakeSet(supervisor, ++id, first, (first + 1) % kPackages);
    }
  };
  make_sets();
  for (int i = 0; i < 2 * kPackages; ++i) SendAdd(supervisor, ++id, any(random));
  make_sets();
  if (any(random) == 0) {
    internal::StoreRequest prune;
    prune.set_id(++id);
    prune.mutable_prune();
    SendRequest(supervisor, prune);
  }
  return static_cast<int>(id);
}

void AwaitReplies(int supervisor, int count) {
  for (int i = 0; i < count; ++i) {
    pollfd waited = {supervisor, POLLIN, 0};
    ASSERT_EQ(::poll(&waited, 1, PatienceMs()), 1);
    ASSERT_TRUE(ReceiveMessage(supervisor, 128 << 10).ok());
  }
}

// The store of the test's own, on what was left.
void ExpectWhole(TestStore& store) {
  const internal::StoreContents contents = store.List();
  std::vector<std::string> names;
  for (const internal::StoredPackage& package : contents.packages())
    names.push_back(package.name());
  EXPECT_THAT(store.Missing(names), ::testing::IsEmpty());
  for (const internal::StoredSet& set : contents.sets()) {
    EXPECT_EQ(CodeOf(store.Use(set.digest())), absl::StatusCode::kOk);
    EXPECT_EQ(CodeOf(store.Release(set.digest())), absl::StatusCode::kOk);
  }
  const internal::StoreVerified verified = store.Verify();
  EXPECT_EQ(verified.packages(), contents.packages_size());
  EXPECT_EQ(verified.removed_size(), 0);
  EXPECT_EQ(store.List().sets_size(), contents.sets_size());
}

// Does what a supervisor does, and dies somewhere in it.
void RunUntilKilled(const std::filesystem::path& directory, std::mt19937& random,
                    bool wants_all_first) {
  absl::StatusOr<SocketPair> pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair.ok());
  const UniqueFd supervisor = std::move(pair->first);
  const pid_t pid = StartProcess(directory, std::move(pair->second), supervisor.get());
  ASSERT_GT(pid, 0);
  pair->second.reset();
  if (wants_all_first) AwaitReplies(supervisor.get(), Churn(supervisor.get(), random));
  std::uniform_int_distribution<int> replies(0, Churn(supervisor.get(), random) - 1);
  AwaitReplies(supervisor.get(), replies(random));
  // No verdict: any moment will do.
  std::uniform_int_distribution<int> moment(0, kMostMicroseconds);
  absl::SleepFor(absl::Microseconds(moment(random)));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << status;
}

TEST(KilledStore, IsWholeAtItsNextStart) {
  TestStore store;
  store.Stop();
  std::mt19937 random(20260101);
  int packages = 0;
  int sets = 0;
  for (int i = 0; i < Kills() && !HasFailure(); ++i) {
    // So that there is something in the first place.
    RunUntilKilled(store.directory(), random, i == 0);
    store.Start();
    ExpectWhole(store);
    packages += store.List().packages_size();
    sets += store.List().sets_size();
    store.Stop();
  }
  EXPECT_GT(packages, 0);
  EXPECT_GT(sets, 0);
}

}  // namespace
}  // namespace warren
