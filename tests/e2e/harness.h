#ifndef WARREN_TESTS_E2E_HARNESS_H_
#define WARREN_TESTS_E2E_HARNESS_H_

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/support/patience.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"

// A real warrend as its clients see it: started as root from the build's tree, in a directory and a
// cgroup of its own. The environment may say what to test with:
//   WARREN_TEST_PREFIX    runtime tree instead of the build's
//   WARREN_TEST_TEMPLATE  template instead of "base"
namespace warren {

// What a supervisor has in the kernel.
struct Footprint {
  std::vector<pid_t> processes;
  std::vector<std::string> cgroups;
  size_t supervisor_fds = 0;
  size_t launcher_fds = 0;
  size_t launcher_mounts = 0;
  size_t host_mounts = 0;
};

// Lifecycle: constructor (starts it and waits until it serves) → use → Stop or Kill, else the
// destructor stops it.
class Server {
 public:
  struct Options {
    std::vector<std::string> flags;
    int max_sandboxes = 100;
    // RLIMIT_NOFILE; 0 for that of the test.
    int open_files = 0;
    // Instead of a fresh one of its own: for a second supervisor in the same place.
    std::filesystem::path directory;
  };
  Server();
  explicit Server(Options options);
  ~Server();

  // True when it serves; a test failure has been noted otherwise.
  bool started() const { return started_; }
  // SIGTERM. Returns its exit code.
  int Stop();
  // SIGKILL; the launcher notices by itself.
  void Kill();
  // It has ended by itself, and was waited for.
  void Forget() { pid_ = -1; }

  pid_t pid() const { return pid_; }
  pid_t launcher_pid() const;
  const std::filesystem::path& directory() const { return directory_; }
  std::string address() const;
  std::string log() const;
  std::shared_ptr<grpc::Channel> NewChannel() const;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // All pages; nothing where a call failed.
  std::optional<warren::v1::ListSandboxesResponse> ListSandboxes(
      const warren::v1::ListSandboxesRequest& first = {}) const;
  // Its pools hold what they aim at, and nothing is in the making or on its way out.
  bool WaitUntilSettled();
  Footprint TakeFootprint() const;
  // The processes of a sandbox, as the host sees them.
  std::vector<pid_t> ProcessesOf(const std::string& sandbox_id) const;
  // Stops everything in it, unseen by who waits for it; or lets it go on.
  void Freeze(const std::string& sandbox_id, bool frozen) const;
  // The processes of its zygotes.
  std::vector<pid_t> Zygotes() const;
  // Directories of its cgroups in all hierarchies.
  std::vector<std::string> Cgroups() const;

 private:
  bool Launch(const Options& options);
  // Those in its cgroups whose names begin so.
  std::vector<pid_t> ProcessesBelow(const std::string& prefix) const;
  std::string cgroup_parent_;
  std::filesystem::path directory_;
  bool owns_directory_ = false;
  pid_t pid_ = -1;
  bool started_ = false;
  std::shared_ptr<grpc::Channel> channel_;
};

// What one execution gave.
struct CellRun {
  grpc::Status status;
  std::string out;
  std::string err;
  std::vector<warren::v1::ExecutionEvent::Display> displays;
  std::vector<warren::v1::ExecutionEvent::Error> errors;
  std::vector<warren::v1::ExecutionEvent> events;
  // From the last event; unset when there was none.
  warren::v1::Termination termination;
  warren::v1::Usage usage;
  int execution_count = 0;
  int finished = 0;

  warren::v1::Termination::Kind kind() const { return termination.kind(); }
  // The text/plain form of the last expression's value.
  std::string result() const;
};

// A sandbox leased for one test; destroyed with it.
class TestSandbox {
 public:
  explicit TestSandbox(const Server& server, const warren::v1::Limits& limits = {});
  ~TestSandbox();

  const std::string& id() const { return sandbox_.sandbox_id(); }
  const warren::v1::Sandbox& sandbox() const { return sandbox_; }
  const grpc::Status& created() const { return created_; }
  warren::v1::Sandbox Get() const;
  void Destroy();

  warren::v1::ExecuteCodeRequest Request(absl::string_view code) const;
  CellRun Execute(absl::string_view code);
  CellRun Execute(const warren::v1::ExecuteCodeRequest& request);
  // Starts a cell and reads up to its Started event.
  std::unique_ptr<grpc::ClientReader<warren::v1::ExecutionEvent>> Begin(
      grpc::ClientContext& context, const warren::v1::ExecuteCodeRequest& request);

 private:
  std::unique_ptr<warren::v1::SandboxService::Stub> sandboxes_;
  std::unique_ptr<warren::v1::ExecutionService::Stub> executions_;
  grpc::Status created_;
  warren::v1::Sandbox sandbox_;
};

CellRun Collect(grpc::ClientReader<warren::v1::ExecutionEvent>& reader);

std::string TestTemplate();

// SHA-256, 32 bytes.
std::string Digest(const std::string& bytes);

// Tests that share one server.
class ServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<Server>(); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { ASSERT_TRUE(server_->started()); }
  static Server& server() { return *server_; }

 private:
  static inline std::unique_ptr<Server> server_;
};

}  // namespace warren

#endif  // WARREN_TESTS_E2E_HARNESS_H_
