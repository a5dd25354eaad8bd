#include "tests/e2e/harness.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using warren::v1::ExecutionEvent;

std::string FromEnvironment(const char* name, const std::string& otherwise) {
  const char* value = ::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

size_t CountEntries(const fs::path& directory) {
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    ++count;
  return count;
}

size_t CountLines(const fs::path& path) {
  const std::string content = ReadAll(path);
  return static_cast<size_t>(std::count(content.begin(), content.end(), '\n'));
}

// Parent → children, of all processes.
std::multimap<pid_t, pid_t> Children() {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (!std::all_of(name.begin(), name.end(), ::isdigit)) continue;
    const std::string stat = ReadAll(it->path() / "stat");
    // The name, in parentheses, may hold anything.
    size_t end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos) continue;
    std::vector<std::string> fields = absl::StrSplit(stat.substr(end_of_name + 2), ' ');
    children.emplace(std::stoi(fields[1]), std::stoi(name));
  }
  return children;
}

void AddDescendants(const std::multimap<pid_t, pid_t>& children, pid_t pid,
                    std::vector<pid_t>* result) {
  auto [begin, end] = children.equal_range(pid);
  for (auto child = begin; child != end; ++child) {
    result->push_back(child->second);
    AddDescendants(children, child->second, result);
  }
}

}  // namespace

std::string Digest(const std::string& bytes) {
  unsigned char digest[32];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  return std::string(reinterpret_cast<char*>(digest), size);
}

std::string TestTemplate() { return FromEnvironment("WARREN_TEST_TEMPLATE", "base"); }

// ---- The server -------------------------------------------------------------------------------

Server::Server() : Server(Options()) {}

Server::Server(Options options) {
  static std::atomic<int> count{0};
  cgroup_parent_ = absl::StrCat("warren-e2e-", ::getpid(), "-", ++count);
  directory_ = options.directory;
  if (directory_.empty()) {
    std::string path = (fs::temp_directory_path() / "warren-e2e-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      ADD_FAILURE() << "mkdtemp " << path;
      return;
    }
    // The supervisor serves as another user, who must reach its socket.
    ::chmod(path.c_str(), 0755);
    directory_ = path;
    owns_directory_ = true;
  }
  started_ = Launch(options);
}

bool Server::Launch(const Options& options) {
  const fs::path prefix = FromEnvironment("WARREN_TEST_PREFIX", WARREN_PREFIX);
  std::vector<std::string> words = {(prefix / "bin/warrend").string(),
                                    absl::StrCat("--listen=", address()),
                                    absl::StrCat("--runtime-dir=", (directory_ / "run").string()),
                                    absl::StrCat("--cgroup-parent=", cgroup_parent_),
                                    absl::StrCat("--keys=", (directory_ / "keys.db").string()),
                                    absl::StrCat("--pool=", TestTemplate(), "=2:2"),
                                    absl::StrCat("--max-sandboxes=", options.max_sandboxes),
                                    "--log-level=debug"};
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string log = (directory_ / absl::StrCat(cgroup_parent_, ".log")).string();
  pid_ = ::fork();
  if (pid_ == 0) {
    int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    const auto files = static_cast<rlim_t>(options.open_files);
    const rlimit limit{files, files};
    if (files > 0 && ::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  channel_ = NewChannel();
  const absl::Time deadline = absl::Now() + Patience();
  while (absl::Now() < deadline) {
    if (channel_->WaitForConnected(std::chrono::system_clock::now() +
                                   std::chrono::milliseconds(100)))
      return true;
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) break;
  }
  ADD_FAILURE() << "warrend does not serve; its log:\n" << this->log();
  return false;
}

Server::~Server() {
  if (started_ && pid_ > 0) {
    EXPECT_EQ(Stop(), 0) << log();
  }
  std::error_code ignored;
  if (owns_directory_) fs::remove_all(directory_, ignored);
}

int Server::Stop() {
  KillProcess(pid_, SIGTERM);
  int status = 0;
  pid_t ended = 0;
  EXPECT_TRUE(Eventually([&] { return (ended = ::waitpid(pid_, &status, WNOHANG)) != 0; }));
  EXPECT_EQ(ended, pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Server::Kill() {
  KillProcess(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string Server::address() const {
  return absl::StrCat("unix://", (directory_ / "run/warren.sock").string());
}

std::string Server::log() const {
  return ReadAll(directory_ / absl::StrCat(cgroup_parent_, ".log"));
}

std::shared_ptr<grpc::Channel> Server::NewChannel() const {
  grpc::ChannelArguments arguments;
  // Every channel a connection of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
}

pid_t Server::launcher_pid() const {
  auto children = Children();
  auto child = children.find(pid_);
  return child == children.end() ? -1 : child->second;
}

std::vector<std::string> Server::Cgroups() const {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator
           it("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, error),
       end;
       it != end; it.increment(error)) {
    if (error) break;
    if (!it->is_directory(error)) continue;
    if (it->path().string().find(absl::StrCat("/", cgroup_parent_)) != std::string::npos) {
      found.push_back(it->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

void Server::Freeze(const std::string& sandbox_id, bool frozen) const {
  for (const std::string& cgroup : Cgroups()) {
    if (fs::path(cgroup).filename() != sandbox_id) continue;
    for (const auto& [file, thaw, freeze] :
         {std::tuple("freezer.state", "THAWED", "FROZEN"), std::tuple("cgroup.freeze", "0", "1")}) {
      const std::string path = absl::StrCat(cgroup, "/", file);
      if (fs::exists(path)) std::ofstream(path) << (frozen ? freeze : thaw) << std::flush;
    }
  }
}

std::vector<pid_t> Server::ProcessesOf(const std::string& sandbox_id) const {
  return ProcessesBelow(sandbox_id);
}

std::vector<pid_t> Server::Zygotes() const { return ProcessesBelow("zygote"); }

std::vector<pid_t> Server::ProcessesBelow(const std::string& prefix) const {
  std::set<pid_t> pids;
  for (const std::string& cgroup : Cgroups()) {
    if (fs::path(cgroup).filename().string().rfind(prefix, 0) != 0) continue;
    std::ifstream procs(cgroup + "/cgroup.procs");
    for (pid_t pid = 0; procs >> pid;) pids.insert(pid);
  }
  return {pids.begin(), pids.end()};
}

std::optional<warren::v1::ListSandboxesResponse> Server::ListSandboxes(
    const warren::v1::ListSandboxesRequest& first) const {
  auto stub = warren::v1::SandboxService::NewStub(channel_);
  warren::v1::ListSandboxesRequest request = first;
  warren::v1::ListSandboxesResponse all;
  do {
    grpc::ClientContext context;
    warren::v1::ListSandboxesResponse page;
    if (!stub->ListSandboxes(&context, request, &page).ok()) return std::nullopt;
    // Two MiB of sandboxes; the pools are small.
    EXPECT_LE(page.ByteSizeLong(), (2u << 20) + (64u << 10));
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return all;
}

bool Server::WaitUntilSettled() {
  return Eventually([&] {
    auto list = ListSandboxes();
    if (!list) return false;
    int ready = 0;
    for (const auto& pool : list->pools()) {
      if (pool.ready() != pool.target() || pool.starting() != 0) return false;
      if (pool.template_id() == TestTemplate() && pool.target() != 2) return false;
      ready += pool.ready();
    }
    // In each hierarchy: those that are leased or ready, and none that is on its way out.
    std::set<std::string> names;
    for (const std::string& cgroup : Cgroups()) {
      std::string name = fs::path(cgroup).filename();
      if (name.rfind("sb", 0) == 0) names.insert(name);
    }
    return names.size() == static_cast<size_t>(ready + list->sandboxes_size());
  });
}

Footprint Server::TakeFootprint() const {
  Footprint footprint;
  auto children = Children();
  AddDescendants(children, pid_, &footprint.processes);
  footprint.cgroups = Cgroups();
  footprint.supervisor_fds = CountEntries(absl::StrCat("/proc/", pid_, "/fd"));
  footprint.launcher_fds = CountEntries(absl::StrCat("/proc/", launcher_pid(), "/fd"));
  footprint.launcher_mounts = CountLines(absl::StrCat("/proc/", launcher_pid(), "/mountinfo"));
  footprint.host_mounts = CountLines("/proc/self/mountinfo");
  return footprint;
}

// ---- A sandbox --------------------------------------------------------------------------------

std::string CellRun::result() const {
  for (const auto& display : displays) {
    auto plain = display.data().find("text/plain");
    if (display.is_result() && plain != display.data().end()) return plain->second;
  }
  return "";
}

CellRun Collect(grpc::ClientReader<ExecutionEvent>& reader) {
  CellRun run;
  ExecutionEvent event;
  while (reader.Read(&event)) {
    switch (event.event_case()) {
      case ExecutionEvent::kOutput:
        (event.output().stream() == ExecutionEvent::Output::STDOUT ? run.out : run.err) +=
            event.output().data();
        break;
      case ExecutionEvent::kDisplay:
        run.displays.push_back(event.display());
        break;
      case ExecutionEvent::kError:
        run.errors.push_back(event.error());
        break;
      case ExecutionEvent::kFinished:
        run.termination = event.finished().termination();
        run.usage = event.finished().usage();
        run.execution_count = event.finished().execution_count();
        ++run.finished;
        break;
      default:
        break;
    }
    run.events.push_back(std::move(event));
  }
  run.status = reader.Finish();
  return run;
}

// Seconds: a cell's timeout and a sandbox's lifetime where the test is not about them. The longest
// that there are, for the defaults are shorter than what the supervisor may wait for on a slow
// host.
constexpr int64_t kLongest = int64_t{24} * 3600;

TestSandbox::TestSandbox(const Server& server, const warren::v1::Limits& limits)
    : sandboxes_(warren::v1::SandboxService::NewStub(server.channel())),
      executions_(warren::v1::ExecutionService::NewStub(server.channel())) {
  grpc::ClientContext context;
  warren::v1::CreateSandboxRequest request;
  request.set_template_id(TestTemplate());
  *request.mutable_limits() = limits;
  request.mutable_lifetime()->set_seconds(kLongest);
  created_ = sandboxes_->CreateSandbox(&context, request, &sandbox_);
  EXPECT_TRUE(created_.ok()) << created_.error_message() << "\n" << server.log();
}

TestSandbox::~TestSandbox() { Destroy(); }

void TestSandbox::Destroy() {
  grpc::ClientContext context;
  warren::v1::DestroySandboxRequest request;
  request.set_sandbox_id(id());
  warren::v1::DestroySandboxResponse response;
  // It may be gone already: that is what some tests are about.
  (void)sandboxes_->DestroySandbox(&context, request, &response);
}

warren::v1::Sandbox TestSandbox::Get() const {
  grpc::ClientContext context;
  warren::v1::GetSandboxRequest request;
  request.set_sandbox_id(id());
  warren::v1::Sandbox sandbox;
  grpc::Status status = sandboxes_->GetSandbox(&context, request, &sandbox);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return sandbox;
}

warren::v1::ExecuteCodeRequest TestSandbox::Request(absl::string_view code) const {
  warren::v1::ExecuteCodeRequest request;
  request.set_sandbox_id(id());
  request.set_code(std::string(code));
  request.mutable_timeout()->set_seconds(kLongest);
  return request;
}

CellRun TestSandbox::Execute(absl::string_view code) { return Execute(Request(code)); }

CellRun TestSandbox::Execute(const warren::v1::ExecuteCodeRequest& request) {
  grpc::ClientContext context;
  auto reader = executions_->ExecuteCode(&context, request);
  return Collect(*reader);
}

std::unique_ptr<grpc::ClientReader<ExecutionEvent>> TestSandbox::Begin(
    grpc::ClientContext& context, const warren::v1::ExecuteCodeRequest& request) {
  auto reader = executions_->ExecuteCode(&context, request);
  ExecutionEvent event;
  EXPECT_TRUE(reader->Read(&event));
  EXPECT_TRUE(event.has_started());
  return reader;
}

}  // namespace warren
