#ifndef WARREN_TESTS_FAILOVER_FAILOVER_TESTING_H_
#define WARREN_TESTS_FAILOVER_FAILOVER_TESTING_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "supervisor/failover/failover_backend.h"
#include "tests/failover/stub_backend.h"
#include "tests/failover/test_timers.h"
#include "tests/supervisor/sink.h"

namespace warren {

inline config::Configuration ParseConfiguration(const std::string& text) {
  config::Configuration configuration;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &configuration)) << text;
  return configuration;
}

// Two: "cloud", then "local".
inline constexpr char kTwo[] = R"pb(
  backends {
    name: "cloud"
    e2b {}
  }
  backends {
    name: "local"
    local {}
  }
  backends {
    name: "both"
    failover { backends: "cloud" backends: "local" }
  }
  default_backend: "both"
)pb";
inline constexpr char kThree[] = R"pb(
  backends {
    name: "a"
    remote {}
  }
  backends {
    name: "b"
    e2b {}
  }
  backends {
    name: "c"
    local {}
  }
  backends {
    name: "all"
    failover { backends: "a" backends: "b" backends: "c" }
  }
  default_backend: "all"
)pb";
inline constexpr char kOne[] = R"pb(backends {
                                      name: "local"
                                      local {}
                                    })pb";

// One create, and what came of it.
struct AskedCreate {
  std::unique_ptr<Operation> operation;
  std::shared_ptr<std::promise<absl::StatusOr<v1::Sandbox>>> promise =
      std::make_shared<std::promise<absl::StatusOr<v1::Sandbox>>>();
  std::future<absl::StatusOr<v1::Sandbox>> answer = promise->get_future();

  bool answered() { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  absl::StatusOr<v1::Sandbox> Wait() {
    if (answer.wait_for(absl::ToChronoSeconds(Patience())) != std::future_status::ready)
      return absl::DeadlineExceededError("nothing answered");
    return answer.get();
  }
};

// A failover backend over stubs, by their names in the configuration.
class FailoverTest : public ::testing::Test {
 protected:
  ~FailoverTest() override {
    timers_->Stop();
    for (const auto& [name, stub] : stubs_) stub->DropWaiting();
  }

  void Configure(const std::string& text) {
    const config::Configuration configuration = ParseConfiguration(text);
    std::vector<MemberSpec> specs;
    for (const config::Backend& each : configuration.backends()) {
      if (!each.has_failover()) specs.push_back(Spec(each));
    }
    ASSERT_TRUE(backend_->Configure(configuration, specs).ok());
    timers_->Settle();
  }
  MemberSpec Spec(const config::Backend& each) {
    MemberSpec spec;
    spec.name = each.name();
    spec.kind = each.has_local()    ? v1::BackendStatus::LOCAL
                : each.has_remote() ? v1::BackendStatus::REMOTE
                                    : v1::BackendStatus::E2B;
    if (stubs_[each.name()] == nullptr)
      stubs_[each.name()] = std::make_shared<StubBackend>(each.name());
    spec.backend = stubs_[each.name()];
    spec.circuit = each.circuit();
    spec.budget = budgets_[each.name()];
    return spec;
  }
  StubBackend& stub(const std::string& name) { return *stubs_.at(name); }

  static Call CallOf(const std::string& tenant) {
    Call call;
    call.who.tenant = tenant;
    return call;
  }
  AskedCreate Begin(const v1::CreateSandboxRequest& request = {}, const Call& call = {}) {
    AskedCreate asked;
    asked.operation = backend_->Create(
        call, request, [promise = asked.promise](auto answer) { promise->set_value(answer); });
    return asked;
  }
  absl::StatusOr<v1::Sandbox> Create(const std::string& tenant = "",
                                     const v1::CreateSandboxRequest& request = {}) {
    return Begin(request, CallOf(tenant)).Wait();
  }
  // Which one made it; the status's text where none did.
  std::string CreatedOn(const std::string& tenant = "", const std::string& template_id = "") {
    v1::CreateSandboxRequest request;
    request.set_template_id(template_id);
    auto made = Create(tenant, request);
    return made.ok() ? made->backend() : made.status().ToString();
  }
  absl::StatusOr<std::shared_ptr<SandboxHandle>> Open(const std::string& id,
                                                      const std::string& tenant = "") {
    return Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { backend_->Open(CallOf(tenant), id, std::move(reply)); });
  }
  static absl::StatusOr<v1::Sandbox> Describe(SandboxHandle& handle, const Call& call = {}) {
    return Ask<v1::Sandbox>([&](auto reply) { handle.Get(call, std::move(reply)); });
  }
  absl::StatusOr<v1::Sandbox> Get(const std::string& id, const std::string& tenant = "") {
    auto handle = Open(id, tenant);
    if (!handle.ok()) return handle.status();
    return Describe(**handle, CallOf(tenant));
  }
  absl::StatusOr<v1::ListSandboxesResponse> List(const v1::ListSandboxesRequest& request = {},
                                                 const std::string& tenant = "") {
    return Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend_->List(CallOf(tenant), request, std::move(reply)); });
  }
  v1::BackendStatus StatusOf(const std::string& name) {
    auto all = Ask<v1::ListBackendsResponse>(
        [&](auto reply) { backend_->ListBackends({}, {}, std::move(reply)); });
    for (const v1::BackendStatus& each : all->backends()) {
      if (each.name() == name) return each;
    }
    return {};
  }
  // Its probes find out.
  void Lose(const std::string& name) {
    stub(name).SetReach(absl::UnavailableError("unplugged"));
    timers_->Advance(absl::Seconds(15));
    ASSERT_NE(StatusOf(name).circuit(), v1::BackendStatus::CLOSED);
  }
  void Return(const std::string& name) {
    stub(name).SetReach(absl::OkStatus());
    timers_->Advance(absl::Seconds(61));
    ASSERT_EQ(StatusOf(name).circuit(), v1::BackendStatus::CLOSED);
  }

  int draw_ = 0;
  const std::shared_ptr<TestTimers> timers_ = std::make_shared<TestTimers>();
  std::map<std::string, std::shared_ptr<StubBackend>> stubs_;
  std::map<std::string, std::function<BudgetState()>> budgets_;
  std::unique_ptr<FailoverBackend> backend_ = std::make_unique<FailoverBackend>(
      FailoverBackend::Options{timers_, 1, [this] { return draw_; }});
};

}  // namespace warren

#endif  // WARREN_TESTS_FAILOVER_FAILOVER_TESTING_H_
