// The gRPC door as a client of any language sees it, in front of a fake backend.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "supervisor/base/status_mark.h"
#include "supervisor/fake/fake_backend.h"
#include "tests/supervisor/door.h"
#include "tests/support/patience.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class ApiTest : public ::testing::Test {
 protected:
  // One message there and, of whatever comes back, the status.
  grpc::Status CallRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, this);
    void* tag;
    bool ok;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  }
  std::string NewSandbox() {
    grpc::ClientContext context;
    v1::Sandbox sandbox;
    EXPECT_TRUE(sandboxes_->CreateSandbox(&context, {}, &sandbox).ok());
    return sandbox.sandbox_id();
  }
  static v1::ExecuteCodeRequest Cell(const std::string& sandbox_id, const std::string& code) {
    v1::ExecuteCodeRequest request;
    request.set_sandbox_id(sandbox_id);
    request.set_code(code);
    return request;
  }
  // The output of a cell that runs to its end.
  std::string Run(const std::string& sandbox_id, const std::string& code) {
    grpc::ClientContext context;
    auto reader = executions_->ExecuteCode(&context, Cell(sandbox_id, code));
    std::string out;
    for (v1::ExecutionEvent event; reader->Read(&event);) out += event.output().data();
    EXPECT_TRUE(reader->Finish().ok());
    return out;
  }

  FakeBackend fake_;
  Door door_{fake_};
  std::shared_ptr<grpc::Channel> channel_ = door_.NewChannel();
  std::unique_ptr<v1::SandboxService::Stub> sandboxes_ = v1::SandboxService::NewStub(channel_);
  std::unique_ptr<v1::ExecutionService::Stub> executions_ = v1::ExecutionService::NewStub(channel_);
};

std::vector<const google::protobuf::MethodDescriptor*> MethodsOf(
    const std::vector<const google::protobuf::FileDescriptor*>& files) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const auto* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

TEST_F(ApiTest, BytesThatAreNoMessageAreAnInvalidArgumentOfEveryMethod) {
  auto methods =
      MethodsOf({v1::Sandbox::descriptor()->file(), v1::ExecutionEvent::descriptor()->file(),
                 v1::ProcessEvent::descriptor()->file(), v1::FileEvent::descriptor()->file(),
                 v1::Environment::descriptor()->file(), v1::TemplateInfo::descriptor()->file()});
  EXPECT_EQ(methods.size(), 40u);
  for (const auto* method : methods) {
    // A field longer than what follows.
    grpc::Status status = CallRaw(PathOf(*method), "\x0a\x7fx");
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << method->full_name();
    EXPECT_THAT(status.error_message(), HasSubstr(method->input_type()->full_name()));
  }
}

TEST_F(ApiTest, MethodsThatAreNotThereSaySo) {
  grpc::Status status = CallRaw("/other.Service/Method", "");
  EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(status.error_message(), "unknown service or method");
}

TEST_F(ApiTest, AStatusIsShortAndMarkedAsOurs) {
  v1::CreateSandboxRequest request;
  request.set_template_id(std::string(10'000, 'x'));
  grpc::ClientContext context;
  v1::Sandbox sandbox;
  grpc::Status status = sandboxes_->CreateSandbox(&context, request, &sandbox);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message().size(), 4096u);
  EXPECT_EQ(context.GetServerTrailingMetadata().count(kStatusMark), 1u);
}

TEST_F(ApiTest, AnEnvironmentIsOfOneThing) {
  auto environments = v1::EnvironmentService::NewStub(channel_);
  v1::GetEnvironmentRequest request;
  v1::Environment environment;
  grpc::ClientContext of_nothing;
  EXPECT_EQ(environments->GetEnvironment(&of_nothing, request, &environment).error_code(),
            StatusCode::INVALID_ARGUMENT);
  request.set_template_id("slow");
  grpc::ClientContext of_template;
  EXPECT_TRUE(environments->GetEnvironment(&of_template, request, &environment).ok());
  request.set_sandbox_id(NewSandbox());
  grpc::ClientContext of_both;
  EXPECT_EQ(environments->GetEnvironment(&of_both, request, &environment).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(ApiTest, AClientThatCancelsEndsItsCell) {
  const std::string id = NewSandbox();
  grpc::ClientContext context;
  auto reader = executions_->ExecuteCode(&context, Cell(id, "wait"));
  v1::ExecutionEvent event;
  ASSERT_TRUE(reader->Read(&event));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
  EXPECT_EQ(Run(id, "print next"), "next\n");
}

TEST_F(ApiTest, ASandboxThatItsClientDidNotHearOfGoes) {
  fake_.DeafenCreates();
  auto create = [this](const std::string& request_id) {
    v1::CreateSandboxRequest request;
    request.set_template_id("slow");
    request.set_request_id(request_id);
    grpc::ClientContext context;
    v1::Sandbox sandbox;
    const int cancels = fake_.late_cancels();
    std::thread leaving([&] {
      EXPECT_TRUE(Eventually([&] { return fake_.waiting_creates() == 1; }));
      context.TryCancel();
      EXPECT_TRUE(Eventually([&] { return fake_.late_cancels() > cancels; }));
    });
    EXPECT_EQ(sandboxes_->CreateSandbox(&context, request, &sandbox).error_code(),
              StatusCode::CANCELLED);
    leaving.join();
    fake_.FinishCreates();
  };
  create("");
  EXPECT_TRUE(Eventually([&] { return fake_.sandboxes() == 0; }));
  create("the-first");
  EXPECT_EQ(fake_.sandboxes(), 1u) << "its client asks again";
  EXPECT_THAT(NewSandbox(), HasSubstr("3")) << "both were made";
}

TEST_F(ApiTest, AClientWhoseDeadlineIsOverMakesNoSandbox) {
  // The connection is there, and the call begins before its deadline is over.
  NewSandbox();
  v1::CreateSandboxRequest request;
  request.set_template_id("slow");
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(3)));
  v1::Sandbox sandbox;
  EXPECT_EQ(sandboxes_->CreateSandbox(&context, request, &sandbox).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return fake_.last_deadline() < absl::InfiniteFuture(); }));
  EXPECT_TRUE(Eventually([&] { return fake_.waiting_creates() == 0; }));
  fake_.FinishCreates();
  EXPECT_EQ(fake_.sandboxes(), 1u) << "that of before";
}

TEST_F(ApiTest, AWatchOfANetworkSaysThatItIsThereBeforeAnythingHappens) {
  v1::WatchSandboxNetworkRequest request;
  request.set_sandbox_id(NewSandbox());
  grpc::ClientContext context;
  auto reader = sandboxes_->WatchSandboxNetwork(&context, request);
  reader->WaitForInitialMetadata();
  EXPECT_EQ(fake_.network_watchers(), 1u);
  v1::NetworkEvent event;
  event.set_name("pip.test");
  ASSERT_TRUE(fake_.TellNetwork(request.sandbox_id(), event).ok());
  v1::NetworkEvent told;
  ASSERT_TRUE(reader->Read(&told));
  EXPECT_EQ(told.name(), "pip.test");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return fake_.network_watchers() == 0; }));
}

// Of its sandbox's network there is something to tell before WatchNetwork has returned.
class TellingBackend final : public Backend {
 public:
  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call&, const v1::CreateSandboxRequest&,
                                    Reply<v1::Sandbox> reply) override {
    reply(absl::UnimplementedError("it has one already"));
    return nullptr;
  }
  void Open(const Call&, const std::string&, Reply<std::shared_ptr<SandboxHandle>> reply) override {
    reply(std::make_shared<TellingSandbox>());
  }
  void List(const Call&, const v1::ListSandboxesRequest&,
            Reply<v1::ListSandboxesResponse> reply) override {
    reply(v1::ListSandboxesResponse());
  }
  void ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) override {
    reply(v1::ListTemplatesResponse());
  }
  void GetEnvironment(const Call&, const std::string&, Reply<v1::Environment> reply) override {
    reply(v1::Environment());
  }

 private:
  class TellingSandbox final : public SandboxHandle {
   public:
    const std::string& id() const override { return id_; }
    std::unique_ptr<Operation> WatchNetwork(const Call&,
                                            std::shared_ptr<NetworkSink> sink) override {
      for (const char* name : {"first", "second"}) {
        v1::NetworkEvent event;
        event.set_name(name);
        sink->Push(std::move(event));
      }
      return std::make_unique<Watch>(std::move(sink));
    }

   private:
    class Watch final : public Operation {
     public:
      explicit Watch(std::shared_ptr<NetworkSink> sink) : sink_(std::move(sink)) {}
      void Resume() override {}
      void Cancel() override { sink_->End(absl::CancelledError("the client went away")); }

     private:
      const std::shared_ptr<NetworkSink> sink_;
    };

    const std::string id_ = "sb1";
  };
};

TEST(TellingApiTest, AWatchOfANetworkMayBeginWithItsEvents) {
  TellingBackend telling;
  Door door(telling);
  auto sandboxes = v1::SandboxService::NewStub(door.NewChannel());
  grpc::ClientContext context;
  auto reader = sandboxes->WatchSandboxNetwork(&context, v1::WatchSandboxNetworkRequest());
  v1::NetworkEvent told;
  ASSERT_TRUE(reader->Read(&told));
  EXPECT_EQ(told.name(), "first");
  ASSERT_TRUE(reader->Read(&told));
  EXPECT_EQ(told.name(), "second");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
}

TEST_F(ApiTest, AClientThatVanishesEndsItsInstallation) {
  auto packages = v1::PackageService::NewStub(channel_);
  v1::InstallPackageRequest install;
  install.set_sandbox_id(NewSandbox());
  install.mutable_what()->add_requirements("hanging");
  v1::PrefetchPackagesRequest prefetch;
  *prefetch.mutable_what() = install.what();
  auto vanish = [&](grpc::ClientContext& context, auto reader) {
    v1::InstallPackageEvent event;
    ASSERT_TRUE(reader->Read(&event));
    EXPECT_EQ(event.progress().phase(), v1::InstallPackageEvent::Progress::RESOLVING);
    EXPECT_TRUE(Eventually([&] { return fake_.packages().hanging() == 1; }));
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
    EXPECT_TRUE(Eventually([&] { return fake_.packages().hanging() == 0; }));
  };
  grpc::ClientContext of_install;
  vanish(of_install, packages->InstallPackage(&of_install, install));
  grpc::ClientContext of_prefetch;
  vanish(of_prefetch, packages->PrefetchPackages(&of_prefetch, prefetch));
}

TEST_F(ApiTest, AReaderThatWaitsHoldsTheCellUpAndLosesNothing) {
  const std::string id = NewSandbox();
  constexpr size_t kBytes = 64 << 20;
  grpc::ClientContext context;
  auto reader = executions_->ExecuteCode(&context, Cell(id, absl::StrCat("flood ", kBytes)));
  ASSERT_TRUE(Eventually([&] { return fake_.paused_cells() == 1; }));
  size_t bytes = 0;
  v1::ExecutionEvent event;
  while (reader->Read(&event)) bytes += event.output().data().size();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(bytes, kBytes);
  EXPECT_TRUE(event.has_finished());
}

TEST_F(ApiTest, AStopLosesNothingOfWhatIsStillRead) {
  const std::string id = NewSandbox();
  constexpr size_t kBytes = 8 << 20;
  for (int turn = 0; turn < 20; ++turn) {
    Door door(fake_);
    // As it is by default: it pings as it reads, and so writes.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto executions = v1::ExecutionService::NewStub(
        grpc::CreateCustomChannel(door.target(), grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    auto reader = executions->ExecuteCode(&context, Cell(id, absl::StrCat("flood ", kBytes)));
    v1::ExecutionEvent first;
    ASSERT_TRUE(reader->Read(&first));
    std::thread stopper([&] { door.Close(Patience()); });
    size_t bytes = first.output().data().size();
    for (v1::ExecutionEvent event; reader->Read(&event);) bytes += event.output().data().size();
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(bytes, kBytes);
    stopper.join();
  }
}

TEST_F(ApiTest, AReaderThatVanishesWhileItsCellIsHeldUpEndsIt) {
  const std::string id = NewSandbox();
  {
    auto other = v1::ExecutionService::NewStub(door_.NewChannel());
    grpc::ClientContext context;
    auto reader = other->ExecuteCode(&context, Cell(id, "flood 1000000000"));
    ASSERT_TRUE(Eventually([&] { return fake_.paused_cells() == 1; }));
    context.TryCancel();
    v1::ExecutionEvent event;
    while (reader->Read(&event)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
  }
  EXPECT_EQ(Run(id, "print next"), "next\n");
}

TEST_F(ApiTest, TheSameCellGivesTheSameEventsWhetherOpensAreInPlaceOrLate) {
  FakeBackend late(FakeBackend::Opens::kLater);
  Door door(late);
  auto channel = door.NewChannel();
  auto sandboxes = v1::SandboxService::NewStub(channel);
  auto executions = v1::ExecutionService::NewStub(channel);
  grpc::ClientContext create;
  v1::Sandbox sandbox;
  ASSERT_TRUE(sandboxes->CreateSandbox(&create, {}, &sandbox).ok());
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    auto reader = executions->ExecuteCode(&context, Cell(sandbox.sandbox_id(), "print hello"));
    // Some clients are gone before the sandbox is open.
    if (i % 5 == 0) context.TryCancel();
    std::string out;
    for (v1::ExecutionEvent event; reader->Read(&event);) out += event.output().data();
    grpc::Status status = reader->Finish();
    if (i % 5 != 0) {
      EXPECT_EQ(out, "hello\n") << status.error_message();
    }
  }
}

}  // namespace
}  // namespace warren
