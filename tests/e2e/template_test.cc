// Which template a sandbox gets, and what is said of a module that it lacks.
#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

class TemplateTest : public ::testing::Test {
 protected:
  // Created without a template, in a server that takes `default_template` then.
  warren::v1::Sandbox CreateDefault(const std::string& default_template) {
    server_ = std::make_unique<Server>(
        Server::Options{.flags = {absl::StrCat("--default-template=", default_template)}});
    sandboxes_ = warren::v1::SandboxService::NewStub(server_->channel());
    grpc::ClientContext context;
    warren::v1::Sandbox sandbox;
    grpc::Status status = sandboxes_->CreateSandbox(&context, {}, &sandbox);
    EXPECT_TRUE(status.ok()) << status.error_message() << "\n" << server_->log();
    return sandbox;
  }
  std::string DefaultTold() {
    auto templates = warren::v1::TemplateService::NewStub(server_->channel());
    grpc::ClientContext context;
    warren::v1::ListTemplatesResponse list;
    EXPECT_TRUE(templates->ListTemplates(&context, {}, &list).ok());
    return list.default_template_id();
  }
  // The error of a cell in it.
  warren::v1::ExecutionEvent::Error ErrorOf(const warren::v1::Sandbox& sandbox,
                                            const std::string& code) {
    auto executions = warren::v1::ExecutionService::NewStub(server_->channel());
    grpc::ClientContext context;
    warren::v1::ExecuteCodeRequest request;
    request.set_sandbox_id(sandbox.sandbox_id());
    request.set_code(code);
    CellRun run = Collect(*executions->ExecuteCode(&context, request));
    EXPECT_EQ(run.errors.size(), 1u);
    return run.errors.empty() ? warren::v1::ExecutionEvent::Error() : run.errors[0];
  }

  std::unique_ptr<Server> server_;
  std::unique_ptr<warren::v1::SandboxService::Stub> sandboxes_;
};

TEST_F(TemplateTest, TheDefaultIsTakenAndTold) {
  for (const char* name : {"base", "data-science"}) {
    EXPECT_EQ(CreateDefault(name).template_id(), name);
    EXPECT_EQ(DefaultTold(), name);
  }
}

TEST_F(TemplateTest, AMissingModuleNamesTheTemplateThatHasIt) {
  warren::v1::Sandbox sandbox = CreateDefault("base");
  auto error = ErrorOf(sandbox, "from pandas import DataFrame");
  EXPECT_EQ(error.name(), "ModuleNotFoundError");
  EXPECT_THAT(error.hint(), HasSubstr("the template data-science has pandas"));
  EXPECT_EQ(ErrorOf(sandbox, "import no_such_module").hint(), "");
  // What the sandbox says is read as the text that Python makes, and as nothing else.
  for (const char* said : {"No module named 'pandas\\x1b[2J'", "No module named 'pandas' at all",
                           "'pandas'", "", "No module named '\\udc80'"}) {
    EXPECT_EQ(ErrorOf(sandbox, absl::StrCat("raise ModuleNotFoundError(\"", said, "\")")).hint(),
              "")
        << said;
  }
}

}  // namespace
}  // namespace warren
