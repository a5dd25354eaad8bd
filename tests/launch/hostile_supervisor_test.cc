// A supervisor that an attacker holds sends its launcher every message there is, well and ill
// formed. Nothing but ordinary sandboxes within the policy, and within what the host was made to
// have, may come of it. Needs root.

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using internal::LauncherRequest;

constexpr int kMaxSandboxes = 4;
constexpr int64_t kMemoryTotal = int64_t{768} << 20;
constexpr int64_t kPidsTotal = 160;
constexpr int kZygotesPerTemplate = 4;

std::string MountsOfTheHost() {
  auto mounts = ReadFile("/proc/self/mounts");
  return mounts.ok() ? *mounts : mounts.status().ToString();
}

class HostileSupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Where no daemon of the host mounts. The launcher is here, too: what it did to the host would
    // show.
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    mounts_ = MountsOfTheHost();
    launcher_ = Harness::Start(
        {.max_sandboxes = kMaxSandboxes, .memory_total = kMemoryTotal, .pids_total = kPidsTotal});
    ASSERT_NE(launcher_, nullptr);
  }

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  std::string HostileId() {
    const std::vector<std::string> ids = {"a",
                                          "b",
                                          "c",
                                          "d",
                                          "e",
                                          "f",
                                          "../x",
                                          "zygote-1",
                                          "/etc",
                                          "a/b",
                                          "",
                                          "A",
                                          std::string(70, 'a'),
                                          std::string(12000, 'z'),
                                          "a\nb",
                                          std::string("a\0b", 3),
                                          "p2",
                                          ".."};
    return ids[Below(static_cast<uint32_t>(ids.size()))];
  }

  std::string HostileProfile() {
    const char* profiles[] = {"user", "root", "agent", "init", "zygote", "default"};
    return Below(4) == 0 ? HostileId() : profiles[Below(std::size(profiles))];
  }

  v1::Limits HostileLimits() {
    const int64_t values[] = {0, -1, 1, 64 << 20, int64_t{1} << 40, int64_t{1} << 62, 4096};
    v1::Limits limits;
    auto pick = [&] { return values[Below(std::size(values))]; };
    if (Below(2) == 0) limits.set_memory_bytes(pick());
    if (Below(2) == 0) limits.set_pids(static_cast<int32_t>(pick()));
    if (Below(4) == 0) limits.set_cpu_millis(static_cast<int32_t>(pick()));
    if (Below(4) == 0) limits.set_disk_bytes(pick());
    if (Below(4) == 0) limits.set_disk_inodes(pick());
    if (Below(4) == 0) limits.set_open_files(static_cast<int32_t>(pick()));
    return limits;
  }

  LauncherRequest HostileRequest() {
    LauncherRequest request;
    switch (Below(13)) {
      case 0:
        request.mutable_start_zygote()->set_template_id(Below(3) == 0 ? HostileId()
                                                                      : launcher_->template_id());
        break;
      case 1:
        request.mutable_stop_zygote()->set_zygote_id(Below(40));
        break;
      case 2:
      case 3: {
        auto& create = *request.mutable_create_sandbox();
        create.set_zygote_id(Below(4) == 0 ? random_() : zygote_);
        create.mutable_spec()->set_sandbox_id(HostileId());
        create.mutable_spec()->set_template_id(Below(5) == 0 ? HostileId()
                                                             : launcher_->template_id());
        *create.mutable_spec()->mutable_limits() = HostileLimits();
        if (Below(6) == 0) create.mutable_spec()->set_profile(HostileProfile());
        break;
      }
      case 4: {
        auto& start = *request.mutable_start_process();
        start.set_sandbox_id(HostileId());
        start.set_kind(static_cast<internal::StartProcess::Kind>(Below(4)));
        start.set_zygote_id(Below(3) == 0 ? random_() : zygote_);
        if (Below(3) == 0) start.set_profile(HostileProfile());
        break;
      }
      case 5: {
        auto& signal = *request.mutable_signal_process();
        signal.set_sandbox_id(HostileId());
        signal.set_process_id(Below(5));
        signal.set_signal(static_cast<internal::SignalProcess::Signal>(Below(5)));
        break;
      }
      case 6:
        request.mutable_destroy_sandbox()->set_sandbox_id(HostileId());
        break;
      case 7:
      case 8: {
        auto& open = *request.mutable_open_network();
        open.set_sandbox_id(HostileId());
        for (uint32_t i = 0; i < Below(3) * 40; ++i)
          open.add_ports(Below(8) == 0 ? static_cast<uint32_t>(random_()) : Below(65536));
        break;
      }
      case 9:
      case 10: {
        auto& connect = *request.mutable_connect_port();
        connect.set_sandbox_id(HostileId());
        connect.set_port(Below(4) == 0 ? static_cast<uint32_t>(random_()) : Below(65536));
        break;
      }
      case 11: {
        auto& mount = *request.mutable_mount_packages();
        mount.set_sandbox_id(HostileId());
        mount.set_set_digest(Below(2) == 0 ? HostileId() : std::string(64, 'a'));
        break;
      }
      default:
        break;
    }
    return request;
  }

  // A launcher that makes sandboxes takes its time, and waits in turn for who does not listen to
  // it.
  void Insist(LauncherRequest request) {
    request.set_request_id(++last_request_);
    const std::string bytes = request.SerializeAsString();
    EXPECT_TRUE(Eventually([&] {
      if (launcher_->client().SendSerialized(bytes).ok()) return true;
      launcher_->Arrives([](const internal::LauncherReply&) { return false; }, 1);
      return false;
    }));
  }

  // Bytes that are no request, some with a descriptor.
  void SendGarbage() {
    std::string bytes(1 + Below(20000), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    if (Below(2) == 0) {
      // Nearly one.
      LauncherRequest request = HostileRequest();
      constexpr uint64_t kIds = 1'000'000;
      request.set_request_id(kIds + Below(1000));
      bytes = request.SerializeAsString();
      // Behind its id, or its answer would be taken for that of another.
      constexpr uint32_t kIdBytes = 4;
      const auto size = static_cast<uint32_t>(bytes.size());
      if (size > kIdBytes)
        bytes[kIdBytes + Below(size - kIdBytes)] ^= static_cast<char>(1 + Below(255));
      // It may have become another id behind the first.
      if (request.ParseFromString(bytes) && request.request_id() < kIds) return;
    }
    if (bytes.empty()) return;
    const int fd = Below(4) == 0 ? 0 : -1;
    const auto fds = fd < 0 ? std::span<const int>() : std::span<const int>(&fd, 1);
    EXPECT_TRUE(Eventually([&] {
      if (SendMessage(launcher_->client().socket(), bytes, fds, WhenFull::kFail).ok()) return true;
      launcher_->Arrives([](const internal::LauncherReply&) { return false; }, 1);
      return false;
    }));
  }

  // By their inodes: a name is given again.
  static std::map<ino_t, std::string> GroupsIn(const fs::path& instance) {
    std::map<ino_t, std::string> groups;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(instance, error)) {
      struct stat info;
      if (::stat(entry.path().c_str(), &info) == 0 && S_ISDIR(info.st_mode))
        groups[info.st_ino] = entry.path().filename().string();
    }
    return groups;
  }

  // What must hold at any time, whatever was asked for.
  void ExpectOrder() {
    int sandboxes = 0;
    int zygotes = 0;
    for (const fs::path& instance : launcher_->InstanceDirectories()) {
      int here = 0;
      int here_zygotes = 0;
      int relays = 0;
      // A listing may have one that goes beside one that comes. What two have was there between
      // them, all of it at once.
      const std::map<ino_t, std::string> listed = GroupsIn(instance);
      const std::map<ino_t, std::string> again = GroupsIn(instance);
      for (const auto& [inode, name] : listed) {
        const bool zygote = absl::StartsWith(name, "zygote-");
        const bool relay = absl::StartsWith(name, "relay-");
        EXPECT_TRUE(zygote || relay || name.size() == 1 || name == "p2")
            << "a group called " << name;
        if (again.contains(inode)) ++(relay ? relays : zygote ? here_zygotes : here);
      }
      EXPECT_LE(relays, 1);
      sandboxes = std::max(sandboxes, here);
      zygotes = std::max(zygotes, here_zygotes);
    }
    EXPECT_LE(sandboxes, kMaxSandboxes);
    EXPECT_LE(zygotes, kZygotesPerTemplate);
    EXPECT_EQ(MountsOfTheHost(), mounts_);
    // Nobody is root on the host but the launcher itself and its janitor.
    for (pid_t pid : launcher_->Descendants()) {
      const std::string uid = StatusField(pid, "Uid");
      const bool janitor = StatusField(pid, "Name") == "warren-janitor";
      EXPECT_TRUE(janitor || !absl::StartsWith(uid, "0 "))
          << pid << " " << StatusField(pid, "Name") << " " << uid;
    }
  }

  int64_t Total(const std::string& controller, const std::string& file) {
    int64_t value = -1;
    EXPECT_TRUE(absl::SimpleAtoi(launcher_->ReadGroupFile("", controller, file), &value)) << file;
    return value;
  }

  // Seeded: a failure can be repeated.
  std::mt19937_64 random_{20261129};
  std::string mounts_;
  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
  // Apart from those of the harness.
  uint64_t last_request_ = 1 << 20;
};

TEST_F(HostileSupervisorTest, GetsNothingButOrdinarySandboxes) {
  zygote_ = launcher_->StartZygote();
  const int rounds = InUml() ? 150 : 1200;
  for (int round = 0; round < rounds; ++round) {
    if (Below(4) == 0) {
      SendGarbage();
    } else {
      LauncherRequest request = HostileRequest();
      // Not itself: most requests name it.
      if (request.stop_zygote().zygote_id() == zygote_) continue;
      Insist(std::move(request));
    }
    // Whatever it answers is taken in, as from a supervisor that listens.
    if (round % 16 == 0) {
      launcher_->Arrives([](const internal::LauncherReply&) { return false; }, 0);
    }
    if (round % 100 == 99) ExpectOrder();
  }
  launcher_->Arrives([](const internal::LauncherReply&) { return false; }, 500);
  ExpectOrder();
  EXPECT_LE(Total("memory", launcher_->v2() ? "memory.current" : "memory.usage_in_bytes"),
            kMemoryTotal);
  EXPECT_LE(Total("pids", "pids.current"), kPidsTotal);
  // It still serves, and what it gives has the limits of the policy.
  const char* const ids[] = {"a", "b", "c", "d", "e", "f", "p2"};
  for (const char* id : ids) {
    absl::Status gone = launcher_->WaitForStatus(launcher_->RequestDestroy(id));
    EXPECT_TRUE(gone.ok() || absl::IsNotFound(gone)) << gone;
  }
  // Each has its slot for as long as its group is there.
  for (const char* id : ids) {
    EXPECT_TRUE(Eventually([&] { return !launcher_->GroupExists(id); })) << id;
  }
  RunningSandbox last = launcher_->Launch("last", zygote_);
  ASSERT_TRUE(last.launched()) << last.reply.message();
  EXPECT_EQ(launcher_->Output(last, "import os; print(os.getuid())"), "1000\n");
}

TEST_F(HostileSupervisorTest, GetsNoZygotesWithoutEnd) {
  std::vector<uint64_t> requests;
  for (int i = 0; i < 20; ++i)
    requests.push_back(launcher_->RequestZygote(launcher_->template_id()));
  int started = 0;
  int refused = 0;
  for (uint64_t request : requests) {
    absl::Status status = launcher_->WaitForStatus(request);
    started += status.ok() ? 1 : 0;
    refused += absl::IsResourceExhausted(status) ? 1 : 0;
  }
  EXPECT_EQ(started, kZygotesPerTemplate);
  EXPECT_EQ(refused, 20 - kZygotesPerTemplate);
}

TEST_F(HostileSupervisorTest, TheHostKeepsItsMemoryAndOneSandboxPays) {
  zygote_ = launcher_->StartZygote();
  std::vector<RunningSandbox> sandboxes;
  for (const char* id : {"a", "b", "c"}) {
    sandboxes.push_back(launcher_->Launch(
        launcher_->Spec(id,
                        [](v1::Limits& limits) { limits.set_memory_bytes(int64_t{400} << 20); }),
        zygote_));
    ASSERT_TRUE(sandboxes.back().launched());
  }
  // Each within its own limit, and more together than there is.
  for (const RunningSandbox& sandbox : sandboxes) {
    launcher_->StartCell(
        sandbox, "kept = bytearray(300 << 20)\nfor i in range(0, len(kept), 4096): kept[i] = 1");
  }
  LauncherMessage gone = launcher_->WaitFor(
      [](const internal::LauncherReply& reply) { return reply.has_sandbox_gone(); }, "a victim");
  EXPECT_EQ(gone.reply.sandbox_gone().reason(), internal::SandboxGone::OUT_OF_MEMORY);
  EXPECT_LE(Total("memory", launcher_->v2() ? "memory.current" : "memory.usage_in_bytes"),
            kMemoryTotal);
  // The others were warned too, on v1, and live on.
  EXPECT_FALSE(launcher_->Arrives(
      [](const internal::LauncherReply& reply) { return reply.has_sandbox_gone(); }, 1000));
  int alive = 0;
  for (const RunningSandbox& sandbox : sandboxes) {
    if (sandbox.id == gone.reply.sandbox_gone().sandbox_id()) continue;
    CellResult result = launcher_->FinishCell(sandbox);
    alive += result.outcome == internal::WorkerDone::OK ? 1 : 0;
  }
  EXPECT_EQ(alive, 2);
}

TEST_F(HostileSupervisorTest, TheHostKeepsItsProcesses) {
  zygote_ = launcher_->StartZygote();
  std::vector<RunningSandbox> sandboxes;
  for (const char* id : {"a", "b"}) {
    sandboxes.push_back(launcher_->Launch(
        launcher_->Spec(id, [](v1::Limits& limits) { limits.set_pids(120); }), zygote_));
    ASSERT_TRUE(sandboxes.back().launched());
  }
  for (const RunningSandbox& sandbox : sandboxes) {
    launcher_->Output(sandbox,
                      "import os, time\n"
                      "try:\n"
                      "    for i in range(2000):\n"
                      "        if os.fork() == 0: time.sleep(600); os._exit(0)\n"
                      "except OSError: pass\n");
  }
  EXPECT_EQ(Total("pids", "pids.current"), kPidsTotal);
}

}  // namespace
}  // namespace warren
