#include "tests/launch/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/policy/limits_policy.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

std::string FromEnvironment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// Fewer bytes only when the peer is gone, or silent for too long.
size_t ReadFully(int fd, void* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    pollfd wait = {fd, POLLIN, 0};
    if (::poll(&wait, 1, PatienceMs()) != 1) {
      ADD_FAILURE() << "the worker is silent";
      break;
    }
    ssize_t n = ::read(fd, static_cast<char*>(data) + done, size - done);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

pid_t ParentOf(pid_t pid) {
  absl::StatusOr<std::string> stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return -1;
  std::vector<std::string> fields =
      absl::StrSplit(stat->substr(stat->rfind(')') + 1), ' ', absl::SkipEmpty());
  pid_t parent = -1;
  return fields.size() > 1 && absl::SimpleAtoi(fields[1], &parent) ? parent : -1;
}

}  // namespace

std::string TestPrefix() { return FromEnvironment("WARREN_TEST_PREFIX", WARREN_PREFIX); }

std::string TestTemplate() { return FromEnvironment("WARREN_TEST_TEMPLATE", "base"); }

LoosePrefix::LoosePrefix()
    : path_(fs::path(::testing::TempDir()) / absl::StrCat("warren-loose-", ::getpid())) {
  const fs::path share = path_ / "share/warren";
  const fs::path from = fs::path(TestPrefix()) / "share/warren";
  fs::create_directories(share / "policies/limits");
  fs::create_directories(share / "policies/egress");
  fs::create_directory_symlink(fs::path(TestPrefix()) / "bin", path_ / "bin");
  for (const char* part :
       {"worker", "tools", "rootfs", "policies/seccomp", "policies/profiles", "policies/network",
        "policies/packages", "policies/limits/default.textproto"}) {
    fs::create_symlink(from / part, share / part);
  }
  auto policy = LoadLimitsPolicy((from / "policies/limits/default.textproto").string());
  EXPECT_TRUE(policy.ok()) << policy.status();
  policy->set_name("loose");
  v1::Limits& minimum = *policy->mutable_minimum();
  minimum.set_memory_bytes(4096);
  minimum.set_disk_inodes(1);
  std::ofstream(share / "policies/limits/loose.textproto") << policy->DebugString();
  fs::create_symlink(from / "policies/egress/default.textproto",
                     share / "policies/egress/default.textproto");
  std::ofstream(share / "policies/egress/closed.textproto") << "name: \"closed\" enabled: false";
}

LoosePrefix::~LoosePrefix() { fs::remove_all(path_); }

bool InUml() { return std::getenv("WARREN_IN_UML") != nullptr; }

std::string StatusField(pid_t pid, const std::string& name) {
  absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"));
  if (!status.ok()) return status.status().ToString();
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, absl::StrCat(name, ":"))) continue;
    return absl::StrJoin(absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty()), " ");
  }
  return "absent";
}

int64_t RunningSandbox::Stat(internal::StatFile::Kind kind) const {
  auto found = stats.find(kind);
  if (found == stats.end()) return -1;
  char text[64];
  ssize_t size = ::pread(found->second.get(), text, sizeof(text), 0);
  int64_t value = -1;
  return size > 0 && absl::SimpleAtoi(absl::string_view(text, static_cast<size_t>(size)), &value)
             ? value
             : -1;
}

std::unique_ptr<Harness> Harness::Start(const HarnessOptions& options) {
  if (::geteuid() != 0) {
    ADD_FAILURE() << "kernel tests need root";
    return nullptr;
  }
  std::unique_ptr<Harness> harness(new Harness);
  if (!harness->StartLauncher(options)) return nullptr;
  harness->FindTemplate(options.template_id);
  return ::testing::Test::HasFatalFailure() ? nullptr : std::move(harness);
}

bool Harness::StartLauncher(const HarnessOptions& wanted) {
  static int count = 0;
  std::string own = absl::StrCat("warren-test-", ::getpid());
  store_ = FromEnvironment("WARREN_TEST_STORE", "");
  if (store_.empty()) {
    store_ = fs::path(::testing::TempDir()) / absl::StrCat(own, "-", ++count);
    own_store_ = true;
    fs::create_directories(store_);
  }
  LauncherOptions options;
  options.program = absl::StrCat(wanted.prefix, "/bin/warren-launcher");
  options.prefix = wanted.prefix;
  options.template_store = store_;
  options.cgroup_parent = cgroup_parent_ = wanted.cgroup_parent;
  options.max_sandboxes = wanted.max_sandboxes;
  options.socket_paths = wanted.socket_paths;
  options.limits_policy = wanted.limits_policy;
  options.egress_policy = wanted.egress_policy;
  options.relay_program = wanted.relay_program;
  options.no_socket_lookup = wanted.no_socket_lookup;
  options.package_policy = wanted.package_policy;
  options.package_indexes = wanted.package_indexes;
  options.package_store = wanted.package_store;
  options.fetcher_program = wanted.fetcher_program;
  options.store_program = wanted.store_program;
  options.memory_total = wanted.memory_total;
  options.pids_total = wanted.pids_total;
  auto client = LauncherClient::Start(options);
  if (!client.ok()) {
    ADD_FAILURE() << client.status();
    return false;
  }
  client_ = *std::move(client);
  pid_ = client_->pid();
  auto hello = client_->ReceiveHello(Patience());
  if (!hello.ok()) {
    ADD_FAILURE() << hello.status();
    return false;
  }
  facts_ = std::move(hello->facts);
  offer_ = std::move(hello->offer);
  return true;
}

void Harness::FindTemplate(const std::string& id) {
  for (const internal::OfferedTemplate& offered : offer_.templates()) {
    if (offered.recipe().name() != id) continue;
    ASSERT_EQ(offered.unavailable(), "");
    recipe_ = offered.recipe();
    return;
  }
  FAIL() << "no template " << id;
}

Harness::~Harness() {
  Stop();
  if (own_store_) fs::remove_all(store_);
}

void Harness::Stop() {
  if (!client_) return;
  std::vector<fs::path> directories = InstanceDirectories();
  client_->CloseSocket();
  EXPECT_TRUE(client_->WaitForExit(Patience())) << "the launcher hangs";
  for (const fs::path& directory : directories) EXPECT_FALSE(fs::exists(directory)) << directory;
  client_.reset();
}

// ---- Requests

uint64_t Harness::Send(internal::LauncherRequest request) {
  request.set_request_id(++last_request_);
  EXPECT_TRUE(client_->Send(request).ok());
  return last_request_;
}

uint64_t Harness::RequestZygote(const std::string& template_id) {
  internal::LauncherRequest request;
  request.mutable_start_zygote()->set_template_id(template_id);
  return Send(std::move(request));
}

uint64_t Harness::RequestCreate(const internal::SandboxSpec& spec, uint64_t zygote) {
  internal::LauncherRequest request;
  *request.mutable_create_sandbox()->mutable_spec() = spec;
  request.mutable_create_sandbox()->set_zygote_id(zygote);
  return Send(std::move(request));
}

uint64_t Harness::RequestProcess(const std::string& sandbox_id, uint64_t zygote,
                                 const std::string& profile) {
  internal::LauncherRequest request;
  request.mutable_start_process()->set_sandbox_id(sandbox_id);
  request.mutable_start_process()->set_kind(internal::StartProcess::CONTEXT);
  request.mutable_start_process()->set_zygote_id(zygote);
  request.mutable_start_process()->set_profile(profile);
  return Send(std::move(request));
}

uint64_t Harness::RequestProcess(const std::string& sandbox_id, internal::StartProcess::Kind kind,
                                 const std::string& profile) {
  internal::LauncherRequest request;
  request.mutable_start_process()->set_sandbox_id(sandbox_id);
  request.mutable_start_process()->set_kind(kind);
  request.mutable_start_process()->set_profile(profile);
  return Send(std::move(request));
}

uint64_t Harness::RequestKill(const std::string& sandbox_id, uint64_t process) {
  internal::LauncherRequest request;
  request.mutable_signal_process()->set_sandbox_id(sandbox_id);
  request.mutable_signal_process()->set_process_id(process);
  request.mutable_signal_process()->set_signal(internal::SignalProcess::KILL);
  return Send(std::move(request));
}

uint64_t Harness::RequestDestroy(const std::string& sandbox_id) {
  internal::LauncherRequest request;
  request.mutable_destroy_sandbox()->set_sandbox_id(sandbox_id);
  return Send(std::move(request));
}

uint64_t Harness::RequestPause(const std::string& sandbox_id) {
  internal::LauncherRequest request;
  request.mutable_pause_sandbox()->set_sandbox_id(sandbox_id);
  return Send(std::move(request));
}

uint64_t Harness::RequestResume(const std::string& sandbox_id) {
  internal::LauncherRequest request;
  request.mutable_resume_sandbox()->set_sandbox_id(sandbox_id);
  return Send(std::move(request));
}

uint64_t Harness::RequestLimits(const std::string& sandbox_id,
                                const std::function<void(v1::Limits&)>& change) {
  internal::LauncherRequest request;
  request.mutable_set_limits()->set_sandbox_id(sandbox_id);
  change(*request.mutable_set_limits()->mutable_limits());
  return Send(std::move(request));
}

uint64_t Harness::RequestInterrupt(const std::string& sandbox_id) {
  internal::LauncherRequest request;
  request.mutable_signal_process()->set_sandbox_id(sandbox_id);
  request.mutable_signal_process()->set_process_id(1);
  request.mutable_signal_process()->set_signal(internal::SignalProcess::INTERRUPT);
  return Send(std::move(request));
}

uint64_t Harness::RequestNetwork(const std::string& sandbox_id,
                                 const std::vector<uint32_t>& ports) {
  internal::LauncherRequest request;
  request.mutable_open_network()->set_sandbox_id(sandbox_id);
  request.mutable_open_network()->mutable_ports()->Add(ports.begin(), ports.end());
  return Send(std::move(request));
}

uint64_t Harness::RequestPort(const std::string& sandbox_id, uint32_t port) {
  internal::LauncherRequest request;
  request.mutable_connect_port()->set_sandbox_id(sandbox_id);
  request.mutable_connect_port()->set_port(port);
  return Send(std::move(request));
}

uint64_t Harness::RequestPackages(const std::string& sandbox_id, const std::string& digest) {
  internal::LauncherRequest request;
  request.mutable_mount_packages()->set_sandbox_id(sandbox_id);
  request.mutable_mount_packages()->set_set_digest(digest);
  return Send(std::move(request));
}

uint64_t Harness::RequestStopZygote(uint64_t zygote) {
  internal::LauncherRequest request;
  request.mutable_stop_zygote()->set_zygote_id(zygote);
  return Send(std::move(request));
}

// ---- Waits

LauncherMessage Harness::WaitFor(const Matches& matches, const std::string& what) {
  for (auto kept = unclaimed_.begin(); kept != unclaimed_.end(); ++kept) {
    if (!matches(kept->reply)) continue;
    LauncherMessage found = std::move(*kept);
    unclaimed_.erase(kept);
    return found;
  }
  while (true) {
    pollfd wait = {client_->socket(), POLLIN, 0};
    if (::poll(&wait, 1, PatienceMs()) != 1) {
      ADD_FAILURE() << "no " << what << " from the launcher";
      return {};
    }
    auto message = client_->Receive();
    if (!message.ok()) {
      ADD_FAILURE() << "waiting for " << what << ": " << message.status();
      return {};
    }
    if (matches(message->reply)) return *std::move(message);
    unclaimed_.push_back(*std::move(message));
  }
}

LauncherMessage Harness::WaitForReply(uint64_t request_id) {
  return WaitFor(
      [&](const internal::LauncherReply& reply) { return reply.request_id() == request_id; },
      absl::StrCat("reply to request ", request_id));
}

absl::Status Harness::WaitForStatus(uint64_t request_id) {
  internal::LauncherReply reply = WaitForReply(request_id).reply;
  return absl::Status(static_cast<absl::StatusCode>(reply.code()), reply.message());
}

internal::SandboxGone::Reason Harness::WaitForGone(const std::string& sandbox_id) {
  return WaitFor(
             [&](const internal::LauncherReply& reply) {
               return reply.sandbox_gone().sandbox_id() == sandbox_id;
             },
             absl::StrCat("end of ", sandbox_id))
      .reply.sandbox_gone()
      .reason();
}

internal::ProcessExited Harness::WaitForProcessExited(const std::string& sandbox_id,
                                                      uint64_t process) {
  return WaitFor(
             [&](const internal::LauncherReply& reply) {
               return reply.process_exited().sandbox_id() == sandbox_id &&
                      reply.process_exited().process_id() == process;
             },
             absl::StrCat("end of process ", process, " of ", sandbox_id))
      .reply.process_exited();
}

internal::ZygoteExited Harness::WaitForZygoteExited(uint64_t zygote) {
  return WaitFor(
             [&](const internal::LauncherReply& reply) {
               return reply.has_zygote_exited() && reply.zygote_exited().zygote_id() == zygote;
             },
             absl::StrCat("end of zygote ", zygote))
      .reply.zygote_exited();
}

bool Harness::Arrives(const Matches& matches, int milliseconds) {
  pollfd wait = {client_->socket(), POLLIN, 0};
  while (::poll(&wait, 1, milliseconds) == 1) {
    auto message = client_->Receive();
    if (!message.ok()) break;
    unclaimed_.push_back(*std::move(message));
  }
  return std::any_of(unclaimed_.begin(), unclaimed_.end(),
                     [&](const LauncherMessage& message) { return matches(message.reply); });
}

// ---- The usual

uint64_t Harness::StartZygote() {
  LauncherMessage reply = WaitForReply(RequestZygote(template_id()));
  EXPECT_TRUE(reply.reply.has_zygote_started()) << reply.reply.message();
  return reply.reply.zygote_started().zygote_id();
}

internal::SandboxSpec Harness::Spec(const std::string& id,
                                    const std::function<void(v1::Limits&)>& change) {
  internal::SandboxSpec spec;
  spec.set_sandbox_id(id);
  spec.set_template_id(template_id());
  auto limits = ResolveLimits(offer_.limits_policy(), v1::Limits(), recipe_.limits());
  EXPECT_TRUE(limits.ok()) << limits.status();
  *spec.mutable_limits() = *limits;
  change(*spec.mutable_limits());
  return spec;
}

internal::LaunchPlan Harness::Plan(const internal::SandboxSpec& spec) const {
  auto plan = MakeLaunchPlan(spec, recipe_, offer_.limits_policy(), facts_);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : internal::LaunchPlan();
}

RunningSandbox Harness::Launch(const std::string& id, uint64_t zygote) {
  return Launch(Spec(id), zygote);
}

RunningSandbox Harness::Launch(const internal::SandboxSpec& spec, uint64_t zygote) {
  return Take(spec.sandbox_id(), WaitForReply(RequestCreate(spec, zygote)));
}

RunningSandbox Harness::Take(const std::string& id, LauncherMessage message) {
  RunningSandbox sandbox;
  sandbox.id = id;
  sandbox.reply = std::move(message.reply);
  if (!sandbox.launched()) return sandbox;
  const internal::ProcessStarted& launched = sandbox.reply.process_started();
  constexpr size_t kPipes = 4;
  EXPECT_EQ(message.fds.size(), kPipes + static_cast<size_t>(launched.stats_size()));
  if (message.fds.size() < kPipes) return sandbox;
  sandbox.requests = std::move(message.fds[0]);
  sandbox.events = std::move(message.fds[1]);
  sandbox.out = std::move(message.fds[2]);
  sandbox.err = std::move(message.fds[3]);
  for (size_t i = kPipes; i < message.fds.size(); ++i) {
    sandbox.stats[launched.stats(static_cast<int>(i - kPipes)).kind()] = std::move(message.fds[i]);
  }
  bool gone = false;
  internal::WorkerEvent event = ReadEvent(sandbox.events.get(), gone);
  EXPECT_TRUE(event.has_ready()) << id << ": " << event.ShortDebugString();
  return sandbox;
}

void Harness::Destroy(const std::string& id) {
  EXPECT_EQ(WaitForStatus(RequestDestroy(id)), absl::OkStatus());
  EXPECT_EQ(WaitForGone(id), internal::SandboxGone::DESTROYED);
}

internal::WorkerEvent Harness::ReadEvent(int fd, bool& gone) {
  internal::WorkerEvent event;
  uint32_t length = 0;
  if (ReadFully(fd, &length, sizeof(length)) != sizeof(length)) {
    gone = true;
    return event;
  }
  std::string frame(length, '\0');
  gone = ReadFully(fd, frame.data(), frame.size()) != frame.size();
  EXPECT_TRUE(gone || event.ParseFromString(frame));
  return event;
}

void Harness::StartCell(const RunningSandbox& sandbox, const std::string& code) {
  internal::WorkerRequest request;
  request.set_execution_id(++last_request_);
  request.mutable_execute()->set_code(code);
  std::string frame = request.SerializeAsString();
  uint32_t length = static_cast<uint32_t>(frame.size());
  frame.insert(0, reinterpret_cast<const char*>(&length), sizeof(length));
  EXPECT_EQ(::write(sandbox.requests.get(), frame.data(), frame.size()),
            static_cast<ssize_t>(frame.size()));
}

CellResult Harness::FinishCell(const RunningSandbox& sandbox) {
  CellResult result;
  while (!result.gone) {
    internal::WorkerEvent event = ReadEvent(sandbox.events.get(), result.gone);
    result.out += event.stdout_data();
    if (event.has_error())
      absl::StrAppend(&result.error, event.error().name(), ": ", event.error().value());
    if (!event.has_done()) continue;
    result.outcome = event.done().outcome();
    break;
  }
  return result;
}

CellResult Harness::Run(const RunningSandbox& sandbox, const std::string& code) {
  StartCell(sandbox, code);
  return FinishCell(sandbox);
}

std::string Harness::Output(const RunningSandbox& sandbox, const std::string& code) {
  CellResult result = Run(sandbox, code);
  EXPECT_EQ(result.outcome, internal::WorkerDone::OK) << result.error;
  return result.out;
}

// ---- What the host shows

std::vector<fs::path> Harness::InstanceDirectories() const {
  std::set<fs::path> directories;
  std::string prefix = absl::StrCat(pid_, "-");
  for (const auto& [controller, mount] : facts_.controllers()) {
    std::error_code error;
    fs::path parent = fs::path(mount) / cgroup_parent_;
    for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
      if (entry.path().filename().string().rfind(prefix, 0) == 0) directories.insert(entry.path());
    }
  }
  return {directories.begin(), directories.end()};
}

std::vector<pid_t> Harness::PidsOf(const std::string& group) const {
  std::vector<pid_t> pids;
  for (const fs::path& instance : InstanceDirectories()) {
    std::ifstream procs(instance / group / "cgroup.procs");
    for (pid_t pid = 0; procs >> pid;) pids.push_back(pid);
    if (!pids.empty()) break;
  }
  return pids;
}

std::vector<pid_t> Harness::PidsInFreezer(const std::string& group) const {
  std::vector<pid_t> pids;
  for (const fs::path& instance : InstanceDirectories()) {
    if (!fs::exists(instance / group / "freezer.state") && !v2()) continue;
    std::ifstream procs(instance / group / "cgroup.procs");
    for (pid_t pid = 0; procs >> pid;) pids.push_back(pid);
  }
  return pids;
}

pid_t Harness::InitOf(const std::string& sandbox_id) const {
  for (pid_t pid : PidsOf(sandbox_id)) {
    if (absl::EndsWith(absl::StrCat(" ", StatusField(pid, "NSpid")), " 1")) return pid;
  }
  ADD_FAILURE() << sandbox_id << " has no init";
  return -1;
}

std::set<pid_t> Harness::Descendants() const {
  std::set<pid_t> found = {pid_};
  // Parents need not come before their children: until nothing is added.
  for (size_t before = 0; before != found.size();) {
    before = found.size();
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
      pid_t pid = 0;
      if (absl::SimpleAtoi(entry.path().filename().string(), &pid) && found.count(ParentOf(pid)))
        found.insert(pid);
    }
  }
  found.erase(pid_);
  return found;
}

bool Harness::GroupExists(const std::string& group) const {
  for (const fs::path& instance : InstanceDirectories()) {
    if (fs::exists(instance / group)) return true;
  }
  return false;
}

void Harness::Freeze(const std::string& group, bool frozen) const {
  for (const fs::path& instance : InstanceDirectories()) {
    for (const auto& [file, words] : {std::pair("freezer.state", std::pair("THAWED", "FROZEN")),
                                      std::pair("cgroup.freeze", std::pair("0", "1"))}) {
      const fs::path path = instance / group / file;
      if (!fs::exists(path)) continue;
      absl::Status status =
          WriteControlFile(AT_FDCWD, path.string(), frozen ? words.second : words.first);
      EXPECT_TRUE(status.ok()) << status;
      return;
    }
  }
  ADD_FAILURE() << "no freezer for " << group;
}

std::string Harness::ReadGroupFile(const std::string& group, const std::string& controller,
                                   const std::string& file) const {
  fs::path mount = facts_.controllers().at(controller);
  for (const fs::path& instance : InstanceDirectories()) {
    if (instance.string().rfind(mount.string() + "/", 0) != 0) continue;
    absl::StatusOr<std::string> content = ReadFile((instance / group / file).string());
    return content.ok() ? std::string(absl::StripTrailingAsciiWhitespace(*content))
                        : content.status().ToString();
  }
  return absl::StrCat("no instance below ", mount.string());
}

// ---- SharedLauncherTest

std::unique_ptr<Harness> SharedLauncherTest::shared_;
uint64_t SharedLauncherTest::zygote_ = 0;

void SharedLauncherTest::TearDownTestSuite() { shared_.reset(); }

void SharedLauncherTest::SetUp() {
  if (shared_) return;
  shared_ = Harness::Start();
  ASSERT_NE(shared_, nullptr);
  zygote_ = shared_->StartZygote();
}

}  // namespace warren
