// What displays are beside what IPython shows, where a cell asks for it: in a template that has all
// of it, and in one that has nothing of it loaded.
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kChart[] = "application/vnd.warren.chart+json";
constexpr char kData[] = "application/vnd.warren.data+json";
constexpr char kJson[] = "application/json";

class DisplayStyleTest : public ::testing::Test {
 protected:
  // In a server that has this template, and a sandbox of it.
  void Start(const std::string& template_id) {
    server_ = std::make_unique<Server>(
        Server::Options{.flags = {absl::StrCat("--default-template=", template_id)}});
    ASSERT_TRUE(server_->started());
    auto sandboxes = warren::v1::SandboxService::NewStub(server_->channel());
    grpc::ClientContext context;
    grpc::Status status = sandboxes->CreateSandbox(&context, {}, &sandbox_);
    ASSERT_TRUE(status.ok()) << status.error_message() << "\n" << server_->log();
    executions_ = warren::v1::ExecutionService::NewStub(server_->channel());
  }
  CellRun Execute(const std::string& code, warren::v1::DisplayStyle style) {
    grpc::ClientContext context;
    warren::v1::ExecuteCodeRequest request;
    request.set_sandbox_id(sandbox_.sandbox_id());
    request.set_code(code);
    request.set_display_style(style);
    CellRun run = Collect(*executions_->ExecuteCode(&context, request));
    EXPECT_TRUE(run.errors.empty()) << run.errors[0].traceback();
    EXPECT_EQ(run.err, "");
    return run;
  }
  // The representations of the one display of a cell.
  std::map<std::string, std::string> Shown(
      const std::string& code,
      warren::v1::DisplayStyle style = warren::v1::DISPLAY_STYLE_CODE_INTERPRETER) {
    CellRun run = Execute(code, style);
    EXPECT_EQ(run.displays.size(), 1u) << code;
    if (run.displays.size() != 1) return {};
    return {run.displays[0].data().begin(), run.displays[0].data().end()};
  }

 private:
  std::unique_ptr<Server> server_;
  std::unique_ptr<warren::v1::ExecutionService::Stub> executions_;
  warren::v1::Sandbox sandbox_;
};

TEST_F(DisplayStyleTest, FiguresFramesAndListsAreDataWhereACellAsks) {
  Start("data-science");
  const std::string figure =
      "import matplotlib.pyplot as plt\n"
      "plt.bar(['a', 'b'], [1, 2], label='g'); plt.ylabel('Mass (kg)'); plt.show()";
  auto shown = Shown(figure);
  EXPECT_EQ(shown[kChart],
            R"({"type": "bar", "title": null, "elements": [)"
            R"({"label": "a", "group": "g", "value": 1.0}, )"
            R"({"label": "b", "group": "g", "value": 2.0}], )"
            R"x("x_label": null, "y_label": "Mass (kg)", "x_unit": null, "y_unit": "kg"})x");
  EXPECT_THAT(shown["image/png"], StartsWith("\x89PNG"));

  const std::string frame =
      "import pandas as pd\n"
      "pd.DataFrame({'t': pd.to_datetime(['2024-01-02', None]), 'n': [1, float('nan')]})";
  shown = Shown(frame);
  EXPECT_EQ(shown[kData], R"({"t": ["2024-01-02T00:00:00", null], "n": [1.0, null]})");
  EXPECT_THAT(shown["text/html"], HasSubstr("<table"));

  EXPECT_EQ(Shown("{'a': [1, None]}")[kJson], R"({"a": [1, null]})");
  EXPECT_THAT(Shown("list(range(2000))")["text/plain"], HasSubstr(" 1999]"));

  // Pillow's images, which the zygote has loaded with matplotlib.
  const std::string image = "from PIL import Image\nImage.new('RGB', (2, 2))";
  EXPECT_THAT(Shown(image + ".show()")["image/png"], StartsWith("\x89PNG"));
  EXPECT_THAT(Shown(image + ".save('/tmp/a.png')")["image/png"], StartsWith("\x89PNG"));

  // And nothing of it in the next cell that does not ask.
  constexpr auto kPlain = warren::v1::DISPLAY_STYLE_UNSPECIFIED;
  EXPECT_EQ(Shown(figure, kPlain).count(kChart), 0u);
  EXPECT_EQ(Shown(frame, kPlain).count(kData), 0u);
  EXPECT_EQ(Shown("{'a': [1, None]}", kPlain).count(kJson), 0u);
  EXPECT_THAT(Shown("list(range(2000))", kPlain)["text/plain"], HasSubstr("..."));
  EXPECT_TRUE(Execute(image + ".save('/tmp/a.png')", kPlain).displays.empty());
  EXPECT_EQ(Shown("{'a': [1, None]}").count(kJson), 1u);
}

TEST_F(DisplayStyleTest, NoFileOfWarrensIsNeededInTheSandbox) {
  Start("base");
  EXPECT_EQ(Shown("[1, 'x']")[kJson], R"([1, "x"])");
  // A matplotlib that only the cell has: what reads figures came with the fork all the same, and
  // can make nothing of this one.
  EXPECT_EQ(
      Shown("import sys, types\n"
            "module = sys.modules['matplotlib.figure'] = types.ModuleType('matplotlib.figure')\n"
            "module.Figure = type('Figure', (), {})\n"
            "module.Figure()")[kChart],
      R"({"type": "unknown", "title": null, "elements": []})");
}

}  // namespace
}  // namespace warren
