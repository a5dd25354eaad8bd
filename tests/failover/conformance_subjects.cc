// The contract's suite over a failover backend: of one backend, and of two of which the first
// serves.
#include <utility>

#include "google/protobuf/text_format.h"
#include "supervisor/failover/failover_backend.h"
#include "supervisor/failover/renamed_sandbox.h"
#include "tests/failover/test_timers.h"
#include "tests/supervisor/conformance.h"

namespace warren {
namespace {

constexpr char kAlone[] = R"pb(backends {
                                 name: "local"
                                 local {}
                               })pb";
constexpr char kFirstOfTwo[] = R"pb(
  backends {
    name: "local"
    local {}
  }
  backends {
    name: "other"
    remote {}
  }
  backends {
    name: "both"
    failover { backends: "local" backends: "other" }
  }
  default_backend: "both"
)pb";

// The fake as a member: it says its name itself.
class NamedFake final : public Backend {
 public:
  FakeBackend& fake() { return fake_; }

  absl::Status health() const override { return fake_.health(); }
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override {
    return fake_.Create(call, request, std::move(reply));
  }
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override {
    fake_.Open(call, sandbox_id,
               [sandbox_id, reply = std::move(reply)](
                   absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) mutable {
                 if (!handle.ok()) return reply(std::move(handle));
                 reply(std::make_shared<RenamedSandbox>(
                     *std::move(handle), RenamedSandbox::Name{sandbox_id, "local", 0, [] {}}));
               });
  }
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override {
    fake_.List(call, request, std::move(reply));
  }
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override {
    fake_.ListTemplates(call, std::move(reply));
  }
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override {
    fake_.GetEnvironment(call, template_id, std::move(reply));
  }
  std::unique_ptr<Operation> Prefetch(const Call& call, v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override {
    return fake_.Prefetch(call, std::move(request), std::move(sink));
  }
  void ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) override {
    fake_.ListPackages(call, std::move(reply));
  }
  void PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& request,
                     Reply<v1::PruneStoredPackagesResponse> reply) override {
    fake_.PrunePackages(call, request, std::move(reply));
  }
  void VerifyPackages(const Call& call, Reply<v1::VerifyStoredPackagesResponse> reply) override {
    fake_.VerifyPackages(call, std::move(reply));
  }

 private:
  FakeBackend fake_;
};

// One that has nothing, not even pools.
class EmptyBackend final : public Backend {
 public:
  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call&, const v1::CreateSandboxRequest&,
                                    Reply<v1::Sandbox> reply) override {
    ADD_FAILURE() << "the first can";
    reply(absl::UnavailableError("empty"));
    return nullptr;
  }
  void Open(const Call&, const std::string&, Reply<std::shared_ptr<SandboxHandle>> reply) override {
    reply(absl::NotFoundError("empty"));
  }
  void List(const Call&, const v1::ListSandboxesRequest&,
            Reply<v1::ListSandboxesResponse> reply) override {
    reply(v1::ListSandboxesResponse());
  }
  void ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) override {
    reply(v1::ListTemplatesResponse());
  }
  void GetEnvironment(const Call&, const std::string&, Reply<v1::Environment> reply) override {
    reply(absl::NotFoundError("empty"));
  }
};

class FailoverSubject final : public Subject {
 public:
  explicit FailoverSubject(const std::string& text) {
    config::Configuration configuration;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &configuration));
    std::vector<MemberSpec> specs(2);
    specs[0].name = "local";
    specs[0].kind = v1::BackendStatus::LOCAL;
    specs[0].backend = fake_;
    specs[1].name = "other";
    specs[1].kind = v1::BackendStatus::REMOTE;
    specs[1].backend = std::make_shared<EmptyBackend>();
    EXPECT_TRUE(backend_.Configure(configuration, specs).ok());
  }
  ~FailoverSubject() override { timers_->Stop(); }
  Backend& backend() override { return backend_; }
  FakeBackend& fake() override { return fake_->fake(); }

 private:
  const std::shared_ptr<NamedFake> fake_ = std::make_shared<NamedFake>();
  const std::shared_ptr<TestTimers> timers_ = std::make_shared<TestTimers>();
  FailoverBackend backend_{FailoverBackend::Options{timers_, 1, nullptr}};
};

template <const char* text>
std::unique_ptr<Subject> MakeFailover() {
  return std::make_unique<FailoverSubject>(text);
}

INSTANTIATE_TEST_SUITE_P(Failover, BackendTest, ::testing::ValuesIn(SubjectKinds()), NameOfKind);

}  // namespace

std::vector<SubjectKind> SubjectKinds() {
  return {{"OfOne", &MakeFailover<kAlone>, true}, {"OfTwo", &MakeFailover<kFirstOfTwo>, true}};
}

std::string NameOfKind(const ::testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

}  // namespace warren
