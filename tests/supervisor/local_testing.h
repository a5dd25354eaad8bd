#ifndef WARREN_TESTS_SUPERVISOR_LOCAL_TESTING_H_
#define WARREN_TESTS_SUPERVISOR_LOCAL_TESTING_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/local/local_backend.h"
#include "tests/plan/plan_testing.h"
#include "tests/supervisor/session_testing.h"

namespace warren {

// What came of a call; answers may come on another thread.
template <class T>
class Answer {
 public:
  Reply<T> Take() {
    return [state = state_](absl::StatusOr<T> result) {
      {
        std::lock_guard lock(state->mu);
        state->result = std::move(result);
      }
      ++state->count;
    };
  }
  absl::StatusOr<T> Wait() {
    if (!Eventually([this] { return state_->count.load() > 0; })) {
      return absl::DeadlineExceededError("no answer came");
    }
    std::lock_guard lock(state_->mu);
    return *state_->result;
  }
  int count() const { return state_->count; }

 private:
  struct State {
    std::mutex mu;
    std::optional<absl::StatusOr<T>> result;
    std::atomic<int> count{0};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class LocalBackendTest : public LoopTest {
 protected:
  struct Options {
    int64_t buffer_memory = 0;
    // Of the template "base".
    ReadyBounds ready{0, 0};
    bool network_enabled = true;
    int port_connections = 1000;
  };
  LocalBackendTest() : LocalBackendTest(Options()) {}
  explicit LocalBackendTest(const Options& options) {
    LocalBackend::Parts parts;
    parts.launcher = launcher.TakeClient();
    parts.facts = testing::V1Host();
    parts.facts.set_pace(1000);
    Template base;
    base.recipe = testing::Recipe("base");
    base.digest = "sha256:0";
    parts.templates.emplace("base", base);
    base.recipe.set_name("broken");
    base.unavailable = "not built";
    parts.templates.emplace("broken", base);
    parts.default_template = "base";
    parts.limits_policy = *LoadLimitsPolicy("policies/limits/default.textproto");
    parts.pool.ready["base"] = options.ready;
    config::NetworkPreset& preset = parts.network_presets["packages"];
    preset.set_name("packages");
    preset.mutable_policy()->add_allow()->set_host("pip.test");
    parts.network_enabled = options.network_enabled;
    parts.pool.max_sandboxes = 4000;
    parts.further_contexts = 16;
    parts.process_descriptors = 1000;
    parts.port_connections = options.port_connections;
    parts.pool.memory_budget = int64_t{1} << 30;
    parts.buffer_memory = options.buffer_memory;
    backend = *LocalBackend::Make(*loop, std::move(parts));
    OnLoop([this] { EXPECT_TRUE(backend->Start([](absl::Status) {}).ok()); });
  }
  ~LocalBackendTest() override { StopLoop(); }

  // Made from start to end. Its worker is the last of `workers`.
  warren::v1::Sandbox Create(warren::v1::CreateSandboxRequest request = {},
                             const Call& call = Call()) {
    Answer<warren::v1::Sandbox> answer;
    backend->Create(call, request, answer.Take());
    if (!zygote_started_) {
      launcher.ReplyZygote(launcher.Expect(internal::LauncherRequest::kStartZygote), 1);
      zygote_started_ = true;
    }
    workers.push_back(
        launcher.ReplyLaunched(launcher.Expect(internal::LauncherRequest::kCreateSandbox)));
    workers.back()->SendReady();
    auto sandbox = answer.Wait();
    EXPECT_TRUE(sandbox.ok()) << sandbox.status();
    return sandbox.ok() ? *sandbox : warren::v1::Sandbox();
  }
  std::shared_ptr<SandboxHandle> Open(const std::string& id) {
    Answer<std::shared_ptr<SandboxHandle>> answer;
    backend->Open(Call(), id, answer.Take());
    auto handle = answer.Wait();
    EXPECT_TRUE(handle.ok()) << handle.status();
    return handle.ok() ? *handle : nullptr;
  }
  absl::StatusOr<warren::v1::ListSandboxesResponse> List(
      const warren::v1::ListSandboxesRequest& request) {
    Answer<warren::v1::ListSandboxesResponse> answer;
    backend->List(Call(), request, answer.Take());
    return answer.Wait();
  }
  static warren::v1::ExecuteCodeRequest Code(const std::string& code) {
    warren::v1::ExecuteCodeRequest request;
    request.set_code(code);
    return request;
  }

  FakeLauncher launcher;
  std::unique_ptr<LocalBackend> backend;
  std::vector<std::unique_ptr<FakeWorker>> workers;

 private:
  bool zygote_started_ = false;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_LOCAL_TESTING_H_
