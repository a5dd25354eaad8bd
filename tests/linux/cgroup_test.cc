// Control groups on whatever hierarchies this kernel has: v1 on a hybrid host, v2 below tests/uml.
// Needs root.

#include "runtime/linux/cgroup.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/linux/cpuset.h"
#include "runtime/linux/host_facts.h"
#include "runtime/linux/process_group.h"
#include "tests/support/kill_process.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using Writes = google::protobuf::RepeatedPtrField<internal::CgroupWrite>;

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    auto facts = DetectHostFacts();
    ASSERT_TRUE(facts.ok()) << facts.status();
    facts_ = *facts;
    parent_ = absl::StrCat("warren-cgroup-test-", ::getpid());
    auto tree = CgroupTree::Create(facts_, parent_, "one");
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = std::make_unique<CgroupTree>(*std::move(tree));
  }

  void TearDown() override {
    for (const std::string& instance : CgroupTree::Instances(facts_, parent_))
      CgroupTree::RemoveAll(facts_, parent_, instance);
    EXPECT_FALSE(fs::exists(Path("memory", ""))) << "the parent goes with its last instance";
  }

  static std::string EffectiveProcessors() {
    return V2() ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
  }
  static bool V2() { return facts_.cgroup_mode() == internal::HostFacts::V2; }
  static const char* MemoryLimit() { return V2() ? "memory.max" : "memory.limit_in_bytes"; }

  static void AddWrite(Writes& writes, const char* controller, const char* file,
                       const std::string& value) {
    internal::CgroupWrite* write = writes.Add();
    write->set_controller(controller);
    write->set_file(file);
    write->set_value(value);
  }

  fs::path Path(const std::string& controller, const std::string& below) const {
    return fs::path(facts_.controllers().at(controller)) / parent_ / below;
  }
  std::string Read(const std::string& controller, const std::string& below) const {
    auto content = ReadFile(Path(controller, below).string());
    return content.ok() ? std::string(absl::StripTrailingAsciiWhitespace(*content))
                        : content.status().ToString();
  }

  // Forks a child that enters the group and runs `body`.
  static pid_t ForkInto(const Cgroup& group, const std::function<void()>& body) {
    auto procs = group.OpenProcs();
    EXPECT_TRUE(procs.ok()) << procs.status();
    pid_t pid = ::fork();
    if (pid != 0) return pid;
    for (const UniqueFd& fd : *procs) {
      if (::write(fd.get(), "0", 1) != 1) ::_exit(120);
    }
    body();
    ::_exit(0);
  }

  // Reaps a child. False, and it is killed, where it does not end by itself.
  static bool Ends(pid_t pid, int* status) {
    pid_t ended = 0;
    Eventually([&] { return (ended = ::waitpid(pid, status, WNOHANG)) != 0; });
    if (ended == 0) {
      KillProcess(pid, SIGKILL);
      ::waitpid(pid, status, 0);
    }
    return ended == pid;
  }

  static absl::Status RemoveSoon(Cgroup& group) {
    absl::Status status;
    Eventually([&] { return !absl::IsFailedPrecondition(status = group.Remove()); });
    return status;
  }

  static internal::HostFacts facts_;
  std::string parent_;
  std::unique_ptr<CgroupTree> tree_;
};
internal::HostFacts CgroupTest::facts_;

void TouchMemory(size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) ::_exit(121);
  std::memset(memory, 1, bytes);
}

void Compute(std::chrono::milliseconds cpu_time) {
  while (std::clock() < cpu_time.count() * CLOCKS_PER_SEC / 1000) {
  }
}

TEST_F(CgroupTest, AGroupHasItsLimitsInEveryHierarchyAndGoes) {
  Writes writes;
  AddWrite(writes, "memory", MemoryLimit(), absl::StrCat(64 << 20));
  AddWrite(writes, "pids", "pids.max", "7");
  auto group = tree_->Add("g", writes);
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ(Read("memory", absl::StrCat("one/g/", MemoryLimit())), absl::StrCat(64 << 20));
  EXPECT_EQ(Read("pids", "one/g/pids.max"), "7");
  for (const char* controller : {"memory", "cpu", "pids"})
    EXPECT_TRUE(fs::exists(Path(controller, "one/g"))) << controller;
  EXPECT_EQ(group->Remove(), absl::OkStatus());
  for (const char* controller : {"memory", "cpu", "pids"})
    EXPECT_FALSE(fs::exists(Path(controller, "one/g"))) << controller;
  EXPECT_EQ(group->Remove(), absl::OkStatus()) << "once more does no harm";
}

TEST_F(CgroupTest, LimitsThatDoNotHoldAreErrorsAndLeaveNoGroup) {
  struct Bad {
    const char* controller;
    const char* file;
    const char* value;
  };
  for (const Bad& bad :
       {Bad{"pids", "pids.max", "-5"}, Bad{"pids", "pids.nosuch", "1"},
        Bad{"memory", "cgroup.procs", "0"}, Bad{"memory", "../one/cgroup.procs", "0"},
        Bad{"memory", "memory.x/../../cgroup.procs", "0"}, Bad{"pids", "cgroup.threads", "0"},
        Bad{"pids", "pids.max", "99999999999"}, Bad{"pids", "cgroup.kill", "1"},
        Bad{"memory", "tasks", "0"}, Bad{"memory", "notify_on_release", "1"},
        Bad{"memory", "cgroup.event_control", "0"}, Bad{"memory", "pids.max", "3"},
        Bad{"nosuch", "nosuch.max", "3"}}) {
    Writes writes;
    AddWrite(writes, bad.controller, bad.file, bad.value);
    EXPECT_FALSE(tree_->Add("bad", writes).ok()) << bad.file;
    EXPECT_FALSE(fs::exists(Path("memory", "one/bad"))) << bad.file;
    EXPECT_FALSE(fs::exists(Path("pids", "one/bad"))) << bad.file;
  }
}

TEST_F(CgroupTest, ByteLimitsMayBeRoundedDownToPages) {
  Writes writes;
  AddWrite(writes, "memory", MemoryLimit(), absl::StrCat((64 << 20) + 100));
  auto group = tree_->Add("g", writes);
  EXPECT_TRUE(group.ok()) << group.status();
}

TEST_F(CgroupTest, NamesAreTakenOnce) {
  auto group = tree_->Add("g", {});
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_TRUE(absl::IsAlreadyExists(tree_->Add("g", {}).status()));
  EXPECT_TRUE(fs::exists(Path("memory", "one/g"))) << "the first one's";
}

TEST_F(CgroupTest, PidsAreLimited) {
  Writes writes;
  AddWrite(writes, "pids", "pids.max", "3");
  auto group = tree_->Add("g", writes);
  ASSERT_TRUE(group.ok()) << group.status();
  pid_t pid = ForkInto(*group, [] {
    int made = 0;
    while (made < 10) {
      pid_t child = ::fork();
      if (child < 0) break;
      if (child == 0) {
        while (true) ::pause();
      }
      ++made;
    }
    ::_exit(made);
  });
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 2) << "itself and two more";
  EXPECT_TRUE(absl::IsFailedPrecondition(group->Remove())) << "the children are in it";
  // They are ours by reparenting to nobody that reaps: end them by their group.
  for (const std::string& line : {Read("pids", "one/g/cgroup.procs")}) {
    for (absl::string_view text : absl::StrSplit(line, '\n', absl::SkipEmpty())) {
      pid_t left = 0;
      if (absl::SimpleAtoi(text, &left)) KillProcess(left, SIGKILL);
    }
  }
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

TEST_F(CgroupTest, ThePromiseOfMemoryIsKeptAndCounted) {
  const std::string limit = absl::StrCat(32 << 20);
  Writes writes;
  AddWrite(writes, "memory", MemoryLimit(), limit);
  // As a plan does it: where the host has swap, what is too much would go there.
  if (facts_.swap_limit()) {
    AddWrite(writes, "memory", V2() ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
             V2() ? "0" : limit);
  }
  if (V2()) AddWrite(writes, "memory", "memory.oom.group", "1");
  auto group = tree_->Add("g", writes);
  ASSERT_TRUE(group.ok()) << group.status();
  auto watch = group->WatchOutOfMemory();
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(watch->valid(), !V2()) << "v2 kills the whole group itself";
  auto kills = group->OutOfMemoryKills();
  ASSERT_TRUE(kills.ok()) << kills.status();
  EXPECT_EQ(*kills, 0);

  // An innocent bystander, which says that it is in the group.
  auto entered = MakePipe();
  ASSERT_TRUE(entered.ok());
  pid_t bystander = ForkInto(*group, [&] {
    if (::write(entered->write_end.get(), "x", 1) != 1) ::_exit(122);
    while (true) ::pause();
  });
  pollfd said = {entered->read_end.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&said, 1, PatienceMs()), 1);
  pid_t glutton = ForkInto(*group, [] { TouchMemory(256 << 20); });
  int status = 0;
  EXPECT_TRUE(Ends(glutton, &status));
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_GE(*group->OutOfMemoryKills(), 1);
  if (V2()) {
    EXPECT_TRUE(Ends(bystander, &status));
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  } else {
    pollfd event = {watch->get(), POLLIN, 0};
    EXPECT_EQ(::poll(&event, 1, PatienceMs()), 1) << "so that the launcher can";
    EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0);
    KillProcess(bystander, SIGKILL);
    ::waitpid(bystander, nullptr, 0);
  }
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

TEST_F(CgroupTest, ALiftedQuotaLetsItsProcessesRun) {
  Writes writes;
  // 1 % of a processor: two seconds of work take 200, which no test waits for.
  if (V2()) {
    AddWrite(writes, "cpu", "cpu.max", "1000 100000");
  } else {
    AddWrite(writes, "cpu", "cpu.cfs_period_us", "100000");
    AddWrite(writes, "cpu", "cpu.cfs_quota_us", "1000");
  }
  auto group = tree_->Add("g", writes);
  ASSERT_TRUE(group.ok()) << group.status();
  pid_t worker = ForkInto(*group, [] { Compute(std::chrono::seconds(2)); });
  EXPECT_TRUE(Eventually([&] { return group->CpuTimeUs().value_or(0) > 0; }));
  EXPECT_EQ(::waitpid(worker, nullptr, WNOHANG), 0) << "the quota holds it";
  EXPECT_EQ(group->LiftCpuQuota(), absl::OkStatus());
  pid_t ended = 0;
  EXPECT_TRUE(Eventually([&] { return (ended = ::waitpid(worker, nullptr, WNOHANG)) != 0; }));
  EXPECT_EQ(ended, worker);
  if (ended == 0) {
    KillProcess(worker, SIGKILL);
    ::waitpid(worker, nullptr, 0);
  }
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

TEST_F(CgroupTest, CpuTimeIsThatOfTheGroupAndOfAllGroups) {
  auto first = tree_->Add("first", {});
  auto second = tree_->Add("second", {});
  ASSERT_TRUE(first.ok() && second.ok());
  int64_t sum = 0;
  for (Cgroup* group : {&*first, &*second}) {
    pid_t worker = ForkInto(*group, [] { Compute(std::chrono::milliseconds(300)); });
    ::waitpid(worker, nullptr, 0);
    auto used = group->CpuTimeUs();
    ASSERT_TRUE(used.ok()) << used.status();
    // Of the right magnitude: some kernels count in ticks, which need not fall where the process's
    // own do.
    EXPECT_GT(*used, 100'000);
    EXPECT_LT(*used, 3'000'000);
    sum += *used;
  }
  auto together = tree_->CpuTimeUs();
  ASSERT_TRUE(together.ok()) << together.status();
  EXPECT_GE(*together, sum);
  EXPECT_EQ(RemoveSoon(*first), absl::OkStatus());
  EXPECT_EQ(RemoveSoon(*second), absl::OkStatus());
}

TEST_F(CgroupTest, AGroupInTheBackgroundGivesWayToTheOthers) {
  auto background = tree_->Add("background", {});
  auto other = tree_->Add("other", {});
  ASSERT_TRUE(background.ok() && other.ok());
  ASSERT_EQ(background->SetBackground(true), absl::OkStatus());
  EXPECT_EQ(Read("cpu", "one/background/cpu.idle"), "1");
  // Both on one processor that this process may use, for as long as they live.
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  int first = 0;
  while (!CPU_ISSET(first, &allowed)) ++first;
  auto compute = [first] {
    cpu_set_t first_cpu;
    CPU_ZERO(&first_cpu);
    CPU_SET(first, &first_cpu);
    if (::sched_setaffinity(0, sizeof(first_cpu), &first_cpu) != 0) ::_exit(122);
    while (true) {
    }
  };
  pid_t pids[] = {ForkInto(*background, compute), ForkInto(*other, compute)};
  auto other_used = [&](int64_t us) {
    return Eventually([&] { return other->CpuTimeUs().value_or(0) > us; });
  };
  // The last one has begun when its group has used processor time.
  EXPECT_TRUE(other_used(20'000));
  // Shares of processor time, whatever else runs: of equals each would get as much, each time. Some
  // times, for what the host's own hypervisor takes is booked to who runs.
  bool gave_way = false;
  for (int i = 0; i < 3 && !gave_way; ++i) {
    const int64_t before[] = {*background->CpuTimeUs(), *other->CpuTimeUs()};
    EXPECT_TRUE(other_used(before[1] + 400'000));
    const int64_t after[] = {*background->CpuTimeUs(), *other->CpuTimeUs()};
    gave_way = after[1] - before[1] > 3 * (after[0] - before[0]);
  }
  // Both at once: in the background it takes seconds to die beside one that computes.
  for (pid_t pid : pids) KillProcess(pid, SIGKILL);
  for (pid_t pid : pids) ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(gave_way);
  ASSERT_EQ(background->SetBackground(false), absl::OkStatus());
  EXPECT_EQ(Read("cpu", "one/background/cpu.idle"), "0");
  EXPECT_EQ(RemoveSoon(*background), absl::OkStatus());
  EXPECT_EQ(RemoveSoon(*other), absl::OkStatus());
}

TEST_F(CgroupTest, AGroupKeepsToTheProcessorsThatItIsGiven) {
  const Processors& processors = tree_->processors();
  // Not where the host lacks the controller, or keeps it to itself.
  if (processors.count == 0) return;
  EXPECT_EQ(processors.all_but_one.empty(), processors.count == 1);
  auto group = tree_->Add("kept", {});
  ASSERT_TRUE(group.ok()) << group.status();
  const bool one = processors.count == 1;
  ASSERT_EQ(group->SetProcessors(one ? processors.all : processors.all_but_one), absl::OkStatus());
  // Whatever it wishes for itself.
  pid_t worker = ForkInto(*group, [] {
    cpu_set_t every_cpu;
    std::memset(&every_cpu, 0xff, sizeof(every_cpu));
    if (::sched_setaffinity(0, sizeof(every_cpu), &every_cpu) != 0) ::_exit(122);
    ::pause();
  });
  auto allowed = [worker] {
    cpu_set_t set;
    return ::sched_getaffinity(worker, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
  };
  EXPECT_TRUE(Eventually([&] { return allowed() == processors.count - (one ? 0 : 1); }))
      << allowed();
  ASSERT_EQ(group->SetProcessors(processors.all), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return allowed() == processors.count; })) << allowed();
  KillProcess(worker, SIGKILL);
  int status = 0;
  ::waitpid(worker, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

// As its launcher was, by whoever started it.
TEST_F(CgroupTest, ATreeKeepsToWhatItsMakerMayUse) {
  if (tree_->processors().count < 2) return;
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  cpu_set_t last;
  CPU_ZERO(&last);
  CPU_SET(ParseProcessors(Read("cpuset", "one/" + EffectiveProcessors())).back(), &last);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(last), &last), 0);
  auto pinned = CgroupTree::Create(facts_, parent_, "pinned");
  EXPECT_EQ(::sched_setaffinity(0, sizeof(before), &before), 0);
  ASSERT_TRUE(pinned.ok()) << pinned.status();
  EXPECT_EQ(pinned->processors().count, 1);
  EXPECT_EQ(pinned->processors().all_but_one, "");
  auto group = pinned->Add("g", {});
  ASSERT_TRUE(group.ok()) << group.status();
  if (!V2()) {
    EXPECT_EQ(ParseProcessors(Read("cpuset", "pinned/g/cpuset.cpus")).size(), 1u);
  }
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

TEST_F(CgroupTest, StatsAreThoseOfTheGroup) {
  auto group = tree_->Add("g", {});
  ASSERT_TRUE(group.ok()) << group.status();
  auto stats = group->OpenStats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  ASSERT_EQ(stats->kinds.size(), stats->fds.size());
  auto read = [&](internal::StatFile::Kind kind) -> std::string {
    for (size_t i = 0; i < stats->kinds.size(); ++i) {
      char text[4096];
      if (stats->kinds[i] != kind) continue;
      ssize_t size = ::pread(stats->fds[i].get(), text, sizeof(text), 0);
      return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
    }
    return "absent";
  };
  auto done = MakePipe();
  ASSERT_TRUE(done.ok());
  pid_t child = ForkInto(*group, [&] {
    TouchMemory(16 << 20);
    if (::write(done->write_end.get(), "x", 1) != 1) ::_exit(122);
    while (true) ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(done->read_end.get(), &byte, 1), 1);
  int64_t value = 0;
  EXPECT_TRUE(absl::SimpleAtoi(read(internal::StatFile::MEMORY_CURRENT), &value) &&
              value > (15 << 20));
  EXPECT_TRUE(absl::SimpleAtoi(read(internal::StatFile::PIDS_CURRENT), &value) && value == 1);
  EXPECT_NE(read(internal::StatFile::MEMORY_EVENTS).find("oom_kill 0"), std::string::npos);
  if (V2()) {
    EXPECT_NE(read(internal::StatFile::CPU_STAT).find("user_usec "), std::string::npos);
  } else {
    EXPECT_TRUE(absl::SimpleAtoi(read(internal::StatFile::CPU_USAGE_SYSTEM), &value));
  }
  EXPECT_EQ(read(internal::StatFile::MEMORY_PEAK) != "absent", facts_.memory_peak());
  EXPECT_EQ(read(internal::StatFile::PIDS_PEAK) != "absent", facts_.pids_peak());
  KillProcess(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(RemoveSoon(*group), absl::OkStatus());
}

TEST_F(CgroupTest, RemoveAllWaitsForTheDying) {
  auto first = tree_->Add("first", {});
  auto second = tree_->Add("second", {});
  ASSERT_TRUE(first.ok() && second.ok());
  pid_t child = ForkInto(*first, [] { ::usleep(300'000); });
  std::thread reaper([child] { ::waitpid(child, nullptr, 0); });
  CgroupTree::RemoveAll(facts_, parent_, "one");
  reaper.join();
  EXPECT_TRUE(CgroupTree::Instances(facts_, parent_).empty());
  EXPECT_FALSE(fs::exists(Path("memory", "")));
}

TEST_F(CgroupTest, RemoveAllLeavesOtherInstancesAlone) {
  auto other = CgroupTree::Create(facts_, parent_, "two");
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(other->Add("theirs", {}).ok());
  std::vector<std::string> instances = CgroupTree::Instances(facts_, parent_);
  std::sort(instances.begin(), instances.end());
  EXPECT_EQ(instances, (std::vector<std::string>{"one", "two"}));
  CgroupTree::RemoveAll(facts_, parent_, "one");
  EXPECT_EQ(CgroupTree::Instances(facts_, parent_), std::vector<std::string>{"two"});
  EXPECT_TRUE(fs::exists(Path("memory", "two/theirs")));
}

TEST_F(CgroupTest, AMissingControllerIsNamedWithTheRemedy) {
  internal::HostFacts facts = facts_;
  facts.mutable_controllers()->erase("memory");
  absl::Status status = CgroupTree::Create(facts, parent_, "three").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("no memory cgroup controller"), absl::string_view::npos);
  EXPECT_NE(status.message().find("warren doctor"), absl::string_view::npos);
}

// Two launchers that start and stop side by side share the parent, which the one removes as the
// other makes it.
TEST_F(CgroupTest, InstancesComeAndGoSideBySide) {
  CgroupTree::RemoveAll(facts_, parent_, "one");
  auto churn = [&](const char* name) {
    for (int i = 0; i < 100; ++i) {
      auto tree = CgroupTree::Create(facts_, parent_, name);
      ASSERT_TRUE(tree.ok()) << i << ": " << tree.status();
      CgroupTree::RemoveAll(facts_, parent_, name);
    }
  };
  std::thread first(churn, "first");
  std::thread second(churn, "second");
  first.join();
  second.join();
}

// What a sandbox's agent gets: the kernel resolves any number that is written, in the pid namespace
// of the writer, and would move the process that has it.
TEST_F(CgroupTest, FilesForASandboxsRootMoveNobodyElse) {
  constexpr uid_t kRoot = 1234567;
  auto sandbox = tree_->Add("agents", {});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  auto group = ProcessGroup::Make(*sandbox, "p2");
  ASSERT_TRUE(group.ok()) << group.status();
  auto own = sandbox->OpenProcs();
  auto files = group->OpenProcsAs(kRoot);
  ASSERT_TRUE(own.ok() && files.ok()) << files.status();
  EXPECT_EQ(::geteuid(), 0u);
  // Somebody else's process: this one.
  const std::string mine = absl::StrCat(::getpid());
  for (const UniqueFd& file : *files) {
    EXPECT_EQ(::write(file.get(), mine.data(), mine.size()), -1);
    EXPECT_EQ(errno, EACCES);
  }
  // The sandbox's: it is in the sandbox's groups, as its root, before it moves itself.
  const pid_t child = ::fork();
  if (child == 0) {
    bool ok = true;
    for (const UniqueFd& file : *own) ok = ok && ::write(file.get(), "0", 1) == 1;
    ok = ok && ::setresuid(kRoot, kRoot, kRoot) == 0;
    for (const UniqueFd& file : *files) ok = ok && ::write(file.get(), "0", 1) == 1;
    ::_exit(ok ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(Eventually([&] { return group->Remove().ok(); }));
  EXPECT_TRUE(Eventually([&] { return sandbox->Remove().ok(); }));
}

}  // namespace
}  // namespace warren
