// Bad input: each gets an error that names the cause, and leaves nothing behind.
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/e2e/harness.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class RefusalTest : public ServerTest {
 protected:
  grpc::Status Create(const warren::v1::CreateSandboxRequest& request) {
    auto stub = warren::v1::SandboxService::NewStub(server().channel());
    grpc::ClientContext context;
    warren::v1::Sandbox sandbox;
    return stub->CreateSandbox(&context, request, &sandbox);
  }
};

TEST_F(RefusalTest, CodeOverOneMebibyte) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(run.status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(run.status.error_message(), HasSubstr("1048577 bytes"));
  EXPECT_TRUE(run.events.empty());
}

TEST_F(RefusalTest, CodeThatIsNotUtf8) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("x = '\xff\xfe'");
  EXPECT_EQ(run.status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(run.status.error_message(), HasSubstr("UTF-8"));
}

TEST_F(RefusalTest, CodeWithANulByte) {
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox.Execute(absl::string_view("x\0y", 3)).status.error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(RefusalTest, TimeoutOutOfRange) {
  TestSandbox sandbox(server());
  for (int64_t seconds : {int64_t{0}, int64_t{-1}, int64_t{86401}, int64_t{1} << 60}) {
    auto request = sandbox.Request("1");
    request.mutable_timeout()->set_seconds(seconds);
    CellRun run = sandbox.Execute(request);
    EXPECT_EQ(run.status.error_code(), StatusCode::INVALID_ARGUMENT) << seconds;
    EXPECT_THAT(run.status.error_message(), HasSubstr("timeout"));
  }
}

TEST_F(RefusalTest, OutputLimitOutOfRange) {
  TestSandbox sandbox(server());
  auto request = sandbox.Request("1");
  request.set_max_output_bytes((int64_t{16} << 30) + 1);
  EXPECT_EQ(sandbox.Execute(request).status.error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(RefusalTest, UnknownSandboxAndContext) {
  TestSandbox sandbox(server());
  auto request = sandbox.Request("1");
  request.set_context_id("other");
  EXPECT_EQ(sandbox.Execute(request).status.error_code(), StatusCode::NOT_FOUND);
  request.clear_context_id();
  request.set_sandbox_id("sb00000000000000000000");
  EXPECT_EQ(sandbox.Execute(request).status.error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RefusalTest, UnknownTemplate) {
  warren::v1::CreateSandboxRequest request;
  request.set_template_id("no-such");
  grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("base"));
}

TEST_F(RefusalTest, LimitsOutOfRange) {
  warren::v1::CreateSandboxRequest request;
  request.mutable_limits()->set_memory_bytes(1);
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.mutable_limits()->set_memory_bytes(int64_t{1} << 60);
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(RefusalTest, LifetimeAndMetadataOutOfRange) {
  warren::v1::CreateSandboxRequest request;
  request.mutable_lifetime()->set_seconds(86401);
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.clear_lifetime();
  request.mutable_metadata()->insert({"key", std::string(1025, 'v')});
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.clear_metadata();
  for (int i = 0; i < 65; ++i) request.mutable_metadata()->insert({absl::StrCat("k", i), "v"});
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(RefusalTest, MoreThan64WaitingCells) {
  TestSandbox sandbox(server());
  auto stub = warren::v1::ExecutionService::NewStub(server().channel());
  grpc::ClientContext context;
  auto running = sandbox.Begin(context, sandbox.Request("import time; time.sleep(600)"));
  std::mutex mutex;
  std::map<StatusCode, int> codes;
  auto refused = [&] {
    std::lock_guard lock(mutex);
    return codes[StatusCode::RESOURCE_EXHAUSTED] > 0;
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 65; ++i) {
    clients.emplace_back([&] {
      grpc::ClientContext waiting;
      StatusCode code =
          Collect(*stub->ExecuteCode(&waiting, sandbox.Request("1"))).status.error_code();
      std::lock_guard lock(mutex);
      ++codes[code];
    });
  }
  // They arrive in any order. One is refused when the 64 others wait: only then may the sandbox go.
  EXPECT_TRUE(Eventually(refused));
  sandbox.Destroy();
  EXPECT_EQ(Collect(*running).kind(), warren::v1::Termination::KILLED);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(codes[StatusCode::RESOURCE_EXHAUSTED], 1);
  EXPECT_EQ(codes[StatusCode::FAILED_PRECONDITION], 64);
}

TEST_F(RefusalTest, PackagesThatNobodyNames) {
  TestSandbox sandbox(server());
  auto packages = warren::v1::PackageService::NewStub(server().channel());
  auto refused = [&](const warren::v1::InstallPackageRequest& request) {
    grpc::ClientContext context;
    auto stream = packages->InstallPackage(&context, request);
    warren::v1::InstallPackageEvent event;
    EXPECT_FALSE(stream->Read(&event)) << event.ShortDebugString();
    return stream->Finish();
  };
  warren::v1::InstallPackageRequest install;
  install.set_sandbox_id(sandbox.id());
  grpc::Status status = refused(install);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("asks for no package"));
  install.mutable_what()->add_requirements(std::string(1025, 'x'));
  EXPECT_EQ(refused(install).error_code(), StatusCode::INVALID_ARGUMENT);
  install.set_sandbox_id("sbnone");
  EXPECT_EQ(refused(install).error_code(), StatusCode::NOT_FOUND);
}

// Each through another kind of method: one answer, and a stream.
TEST_F(RefusalTest, BytesThatAreNoMessageAreAnInvalidArgument) {
  for (const char* method :
       {"/warren.v1.SandboxService/CreateSandbox", "/warren.v1.SandboxService/GetSandbox",
        "/warren.v1.ExecutionService/ExecuteCode", "/warren.v1.TemplateService/ListTemplates"}) {
    grpc::GenericStub stub(server().channel());
    grpc::ClientContext context;
    grpc::Slice slice("\x0a\x7fx");
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, this);
    void* tag;
    bool ok;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_THAT(status.error_message(), HasSubstr("is not a valid warren.v1.")) << method;
  }
}

TEST_F(RefusalTest, TemplatesAndEnvironmentAreTold) {
  auto templates = warren::v1::TemplateService::NewStub(server().channel());
  grpc::ClientContext context;
  warren::v1::ListTemplatesResponse list;
  ASSERT_TRUE(templates->ListTemplates(&context, {}, &list).ok());
  ASSERT_GE(list.templates_size(), 1);

  auto environments = warren::v1::EnvironmentService::NewStub(server().channel());
  grpc::ClientContext environment_context;
  warren::v1::GetEnvironmentRequest request;
  request.set_template_id(TestTemplate());
  warren::v1::Environment environment;
  ASSERT_TRUE(environments->GetEnvironment(&environment_context, request, &environment).ok());
  EXPECT_THAT(environment.python_version(), HasSubstr("3."));
  grpc::ClientContext missing_context;
  request.set_template_id("no-such");
  EXPECT_EQ(environments->GetEnvironment(&missing_context, request, &environment).error_code(),
            StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace warren
