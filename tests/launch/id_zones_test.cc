// Who has which user ids of the host. Needs root.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/launch/launcher/id_slots.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// With locks of their own: no supervisor of this host is in the way.
class IdZonesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    directory_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-zones-", ::getpid());
    fs::create_directory(directory_);
    fs::permissions(directory_, fs::perms::owner_all);
  }
  void TearDown() override {
    EXPECT_TRUE(fs::is_empty(directory_)) << "the last owner removes the file";
    fs::remove_all(directory_);
  }

  absl::StatusOr<IdZones> Take(uint32_t slots) const {
    UniqueFd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto locks = HostLocks::OpenIn(std::move(directory), "zones");
    if (!locks.ok()) return locks.status();
    return IdZones::TakeFrom(*std::move(locks), slots);
  }

  fs::path directory_;
};

TEST_F(IdZonesTest, TwoSupervisorsNeverShareAnId) {
  auto first = Take(1000);
  auto second = Take(1500);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_GE(first->id_count(), 1001 * kIdsPerSlot) << "slot 0 is the zygotes'";
  EXPECT_GE(second->id_count(), 1501 * kIdsPerSlot);
  EXPECT_GE(second->first_id(), first->first_id() + first->id_count());
  EXPECT_GE(first->first_id(), kFirstHostId);
  EXPECT_LE(uint64_t{second->first_id()} + second->id_count(), uint64_t{1} << 31);
}

TEST_F(IdZonesTest, ExhaustionNamesTheRemedyAndHoldsNothing) {
  auto most = Take(kSlotsPerZone * (kZones - 1) - 1);
  ASSERT_TRUE(most.ok()) << most.status();
  absl::Status status = Take(kSlotsPerZone + 1).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--max-sandboxes"));
  EXPECT_TRUE(Take(10).ok()) << "the zone that was tried is free again";
}

TEST_F(IdZonesTest, AZoneIsFreeWhenItsOwnerIsGone) {
  {
    auto all = Take(kMaxSandboxes);
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_FALSE(Take(1).ok());
  }
  auto again = Take(1);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->first_id(), kFirstHostId);
}

TEST_F(IdZonesTest, AZoneIsFreeWhenItsOwnerIsKilled) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.ok());
  pid_t owner = ::fork();
  if (owner == 0) {
    auto all = Take(kMaxSandboxes);
    if (!all.ok() || ::write(pipe->write_end.get(), "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe->read_end.get(), &byte, 1), 1);
  EXPECT_FALSE(Take(1).ok());
  KillProcess(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(Take(1).ok());
}

TEST(SlotPoolTest, FreedSlotsRestAsLongAsPossible) {
  SlotPool pool(3);
  EXPECT_EQ(*pool.Take(), 1u) << "0 is the zygotes'";
  EXPECT_EQ(*pool.Take(), 2u);
  pool.Return(1);
  EXPECT_EQ(*pool.Take(), 3u);
  EXPECT_EQ(*pool.Take(), 1u);
  absl::Status status = pool.Take().status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("all 3 sandbox slots"));
  pool.Return(2);
  EXPECT_EQ(*pool.Take(), 2u);
}

// On the host's own zones: other supervisors may have some of them meanwhile.
constexpr uint32_t kFew = 10;

struct Range {
  uint64_t first = 0;
  uint64_t end = 0;
};
Range RangeOf(const IdZones& zones) {
  return {zones.first_id(), uint64_t{zones.first_id()} + zones.id_count()};
}

// Another supervisor, as far as user ids go: a process that has made `prepare` true and then took a
// few, until it is destroyed.
class Neighbour {
 public:
  explicit Neighbour(const std::function<bool()>& prepare) {
    auto pipe = MakePipe();
    EXPECT_TRUE(pipe.ok());
    pid_ = ::fork();
    if (pid_ == 0) {
      if (!prepare()) ::_exit(1);
      auto zones = IdZones::Take(kFew);
      if (!zones.ok()) ::_exit(2);
      Range range = RangeOf(*zones);
      if (::write(pipe->write_end.get(), &range, sizeof(range)) != sizeof(range)) ::_exit(3);
      while (true) ::pause();
    }
    pipe->write_end.reset();
    Range range;
    auto* bytes = reinterpret_cast<char*>(&range);
    EXPECT_EQ(::read(pipe->read_end.get(), bytes, sizeof(range)), ssize_t{sizeof(range)});
    range_ = range;
  }
  ~Neighbour() { Kill(); }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

  void Kill() {
    if (pid_ <= 0) return;
    KillProcess(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  const Range& range() const { return range_; }

 private:
  pid_t pid_ = -1;
  Range range_;
};

void ExpectDisjoint(const Range& one, const Range& other) {
  EXPECT_LT(one.first, one.end);
  EXPECT_LT(other.first, other.end);
  EXPECT_TRUE(one.end <= other.first || other.end <= one.first)
      << std::hex << one.first << "-" << one.end << " and " << other.first << "-" << other.end;
}

bool PrivateMounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}
bool PrivateDirectory(const char* path) {
  return ::mount("tmpfs", path, "tmpfs", 0, "mode=0755") == 0;
}

class HostIdsTest : public ::testing::Test {
 protected:
  // Those who are killed here have no janitor.
  void TearDown() override { IdZones::RemoveUnused(); }
};

TEST_F(HostIdsTest, NetworkNamespacesMakeNoDifference) {
  auto mine = IdZones::Take(kFew);
  ASSERT_TRUE(mine.ok()) << mine.status();
  Neighbour other([] { return ::unshare(CLONE_NEWNET) == 0; });
  ExpectDisjoint(RangeOf(*mine), other.range());
}

// As in a container.
TEST_F(HostIdsTest, PrivateFilesMakeNoDifference) {
  auto mine = IdZones::Take(kFew);
  ASSERT_TRUE(mine.ok()) << mine.status();
  Neighbour other([] {
    return ::unshare(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) == 0 &&
           PrivateMounts() && PrivateDirectory("/run") && PrivateDirectory("/tmp") &&
           PrivateDirectory("/dev");
  });
  ExpectDisjoint(RangeOf(*mine), other.range());
}

TEST_F(HostIdsTest, AKilledSupervisorsIdsAreFree) {
  std::optional<Neighbour> other([] { return true; });
  const Range range = other->range();
  other->Kill();
  // Whoever else runs here: somebody can have them again.
  bool found = false;
  std::vector<IdZones> taken;
  while (!found) {
    auto next = IdZones::Take(kFew);
    ASSERT_TRUE(next.ok()) << next.status();
    found = RangeOf(*next).first <= range.first;
    taken.push_back(*std::move(next));
  }
  EXPECT_TRUE(found);
}

bool Occupy(uint32_t zone) {
  int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string name = absl::StrCat("warren-ids-", zone);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return ::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0;
}

// Names that anybody may take keep nobody from starting.
TEST_F(HostIdsTest, AStrangersAbstractSocketsHinderNobody) {
  pid_t child = ::fork();
  if (child == 0) {
    // They stay away from this host's own.
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(2);
    for (uint32_t zone = 0; zone < kZones; ++zone) {
      if (!Occupy(zone)) ::_exit(3);
    }
    ::_exit(IdZones::Take(kFew).ok() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

}  // namespace
}  // namespace warren
