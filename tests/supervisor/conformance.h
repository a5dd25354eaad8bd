#ifndef WARREN_TESTS_SUPERVISOR_CONFORMANCE_H_
#define WARREN_TESTS_SUPERVISOR_CONFORMANCE_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/fake/fake_backend.h"
#include "tests/supervisor/sink.h"

namespace warren {

// A backend under test, whose sandboxes are the fake's at last.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Backend& backend() = 0;
  virtual FakeBackend& fake() = 0;
};

struct SubjectKind {
  const char* name;
  std::unique_ptr<Subject> (*make)();
  // It has executions that clients leave and come back to.
  bool connects;
  // Features that it has not, by their names in GetEnvironment.
  std::vector<std::string> lacks = {};
  // What cannot be seen through its protocol, or is not behind it in these tests.
  std::vector<std::string> unseen = {};
};

// All kinds, for suites of tests; in conformance_subjects.cc.
std::vector<SubjectKind> SubjectKinds();
std::string NameOfKind(const ::testing::TestParamInfo<SubjectKind>& kind);

// What every backend does, whatever stands behind it: this suite is the interface's contract. It
// runs for each kind of subject.
class BackendTest : public ::testing::TestWithParam<SubjectKind> {
 protected:
  void SetUp() override { subject_ = GetParam().make(); }

  Backend& backend() { return subject_->backend(); }
  FakeBackend& fake() { return subject_->fake(); }

  absl::StatusOr<v1::Sandbox> Create(const v1::CreateSandboxRequest& request = {}) {
    return Ask<v1::Sandbox>([&](auto reply) { backend().Create({}, request, std::move(reply)); });
  }
  absl::StatusOr<std::shared_ptr<SandboxHandle>> Open(const std::string& id) {
    return Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { backend().Open({}, id, std::move(reply)); });
  }
  // A new one.
  std::shared_ptr<SandboxHandle> NewSandbox() {
    auto sandbox = Create();
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return *Open(sandbox->sandbox_id());
  }
  absl::StatusOr<v1::Sandbox> Get(SandboxHandle& sandbox) {
    return Ask<v1::Sandbox>([&](auto reply) { sandbox.Get({}, std::move(reply)); });
  }
  absl::StatusOr<v1::Sandbox> Pause(SandboxHandle& sandbox) {
    return Ask<v1::Sandbox>([&](auto reply) { sandbox.Pause({}, std::move(reply)); });
  }
  absl::StatusOr<v1::Sandbox> Unpause(SandboxHandle& sandbox,
                                      const v1::ResumeSandboxRequest& request = {}) {
    return Ask<v1::Sandbox>([&](auto reply) { sandbox.Unpause({}, request, std::move(reply)); });
  }
  absl::StatusOr<v1::ListSandboxesResponse> List(const v1::ListSandboxesRequest& request) {
    return Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend().List({}, request, std::move(reply)); });
  }
  absl::StatusOr<v1::DestroySandboxResponse> Destroy(SandboxHandle& sandbox) {
    return Ask<v1::DestroySandboxResponse>(
        [&](auto reply) { sandbox.Destroy({}, std::move(reply)); });
  }
  absl::StatusOr<v1::InterruptExecutionResponse> Interrupt(SandboxHandle& sandbox) {
    return Ask<v1::InterruptExecutionResponse>(
        [&](auto reply) { sandbox.Interrupt({}, "", std::move(reply)); });
  }

  struct Execution {
    std::shared_ptr<CollectingSink> sink;
    std::unique_ptr<Operation> operation;
  };
  static Execution Begin(SandboxHandle& sandbox, v1::ExecuteCodeRequest request,
                         std::function<Flow()> flow = nullptr) {
    Execution execution;
    execution.sink = std::make_shared<CollectingSink>(std::move(flow));
    execution.operation = sandbox.Execute({}, std::move(request), execution.sink);
    return execution;
  }
  static Execution Begin(SandboxHandle& sandbox, absl::string_view code) {
    v1::ExecuteCodeRequest request;
    request.set_code(std::string(code));
    return Begin(sandbox, std::move(request));
  }
  static Execution RunScript(SandboxHandle& sandbox, v1::RunScriptRequest request) {
    Execution script;
    script.sink = std::make_shared<CollectingSink>();
    script.operation = sandbox.RunScript({}, std::move(request), script.sink);
    return script;
  }
  bool connects() const { return GetParam().connects; }
  // Whether this cannot be seen of the subject.
  bool Unseen(const std::string& what) const {
    const auto& unseen = GetParam().unseen;
    return std::find(unseen.begin(), unseen.end(), what) != unseen.end();
  }
  // Whether the subject has not this feature. What a backend has not, its environments say.
  bool Lacks(const std::string& feature) {
    const auto& lacks = GetParam().lacks;
    if (std::find(lacks.begin(), lacks.end(), feature) == lacks.end()) return false;
    auto sandbox = NewSandbox();
    auto environment =
        Ask<v1::Environment>([&](auto reply) { sandbox->GetEnvironment({}, std::move(reply)); });
    EXPECT_TRUE(environment.ok()) << environment.status();
    bool told = false;
    for (const auto& each : environment->features())
      told = told || (each.name() == feature && !each.available() && !each.reason().empty());
    EXPECT_TRUE(told) << feature;
    EXPECT_TRUE(Destroy(*sandbox).ok());
    return true;
  }
  static Execution Connect(SandboxHandle& sandbox, const std::string& execution_id,
                           int64_t after_sequence) {
    Execution execution;
    execution.sink = std::make_shared<CollectingSink>();
    v1::ConnectExecutionRequest request;
    request.set_execution_id(execution_id);
    request.set_after_sequence(after_sequence);
    execution.operation = sandbox.Connect({}, request, execution.sink);
    return execution;
  }
  static absl::Status ConnectRefused(SandboxHandle& sandbox, const std::string& execution_id,
                                     int64_t after_sequence = 0) {
    Execution execution = Connect(sandbox, execution_id, after_sequence);
    EXPECT_TRUE(execution.sink->WaitForEnd());
    EXPECT_TRUE(execution.sink->events().empty());
    return execution.sink->status();
  }
  // Runs it to its end.
  static std::shared_ptr<CollectingSink> Run(SandboxHandle& sandbox,
                                             v1::ExecuteCodeRequest request) {
    Execution execution = Begin(sandbox, std::move(request));
    EXPECT_TRUE(execution.sink->WaitForEnd());
    return execution.sink;
  }
  static std::shared_ptr<CollectingSink> Run(SandboxHandle& sandbox, absl::string_view code) {
    v1::ExecuteCodeRequest request;
    request.set_code(std::string(code));
    return Run(sandbox, std::move(request));
  }

 private:
  std::unique_ptr<Subject> subject_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_CONFORMANCE_H_
