// Files that go in with a cell, and those that are told behind it, in both languages.

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ExecuteCodeRequest;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

using Files = std::map<std::string, ExecutionEvent::OutputFile>;
Files FilesOf(const CellRun& run) {
  Files files;
  for (const ExecutionEvent& event : run.events) {
    if (event.has_output_file()) files[event.output_file().path()] = event.output_file();
  }
  return files;
}

std::string Incomplete(const CellRun& run) {
  return run.events.empty() ? "no events" : run.events.back().finished().output_files_incomplete();
}

void AddInput(ExecuteCodeRequest& request, const std::string& path, const std::string& data) {
  warren::v1::InputFile& file = *request.add_input_files();
  file.set_path(path);
  file.set_data(data);
}

// How a language says what the tests do.
struct Language {
  const char* name;
  const char* copy;
  const char* fail;
  const char* wait;
  const char* sparse;
};

class CellFilesTest : public ServerTest, public ::testing::WithParamInterface<Language> {
 protected:
  CellFilesTest() : sandbox(server()) {
    auto contexts = warren::v1::ContextService::NewStub(server().channel());
    warren::v1::CreateContextRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_language(GetParam().name);
    warren::v1::Context made;
    grpc::ClientContext call;
    const grpc::Status status = contexts->CreateContext(&call, request, &made);
    EXPECT_TRUE(status.ok()) << status.error_message();
    context_id_ = made.context_id();
  }

  ExecuteCodeRequest Cell(const std::string& code) {
    ExecuteCodeRequest request = sandbox.Request(code);
    request.set_context_id(context_id_);
    return request;
  }

  TestSandbox sandbox;

 private:
  std::string context_id_;
};

TEST_P(CellFilesTest, GoInAndOut) {
  std::string data(2 << 20, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  ExecuteCodeRequest request = Cell(GetParam().copy);
  AddInput(request, "deep/er/in.bin", data);
  request.add_output_files("**/*.bin");
  request.add_output_files("/etc/passwd");
  CellRun run = sandbox.Execute(request);
  ASSERT_EQ(run.kind(), Termination::EXITED) << run.err;
  Files files = FilesOf(run);
  ASSERT_EQ(files.size(), 3u);
  for (const char* path : {"/home/user/deep/er/in.bin", "/home/user/out.bin"}) {
    EXPECT_EQ(files[path].size_bytes(), 2 << 20) << path;
    EXPECT_EQ(files[path].sha256(), Digest(data)) << path;
  }
  EXPECT_EQ(files["/etc/passwd"].error(), "");
  EXPECT_EQ(Incomplete(run), "");
}

TEST_P(CellFilesTest, CodeDoesNotRunWithoutItsFiles) {
  ExecuteCodeRequest request = Cell(GetParam().copy);
  AddInput(request, "deep/er/in.bin", "x");
  AddInput(request, "/usr/none", "x");
  request.add_output_files("*.bin");
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  EXPECT_TRUE(run.termination.context_alive());
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_EQ(run.errors[0].name(), "InputFileError");
  EXPECT_THAT(run.errors[0].value(), HasSubstr("input_files[1].path \"/usr/none\": "));
  EXPECT_EQ(run.execution_count, 0);
  EXPECT_TRUE(FilesOf(run).empty());
  EXPECT_EQ(Incomplete(run), "the code did not run");
  EXPECT_EQ(sandbox.Execute(Cell(GetParam().copy)).execution_count, 1);
}

TEST_P(CellFilesTest, AFullDiskIsSaid) {
  warren::v1::Limits limits;
  limits.set_disk_bytes(2 << 20);
  TestSandbox small(server(), limits);
  ASSERT_TRUE(small.created().ok()) << small.created().error_message();
  small.Execute("f = open('first', 'w'); f.write('x' * (3 << 19)); f.close()");
  ExecuteCodeRequest request = small.Request("1");
  AddInput(request, "large", std::string(1 << 20, 'x'));
  CellRun run = small.Execute(request);
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_THAT(run.errors[0].value(), HasSubstr("\"large\": No space left on device; remove"));
  EXPECT_EQ(small.Execute("import os; os.listdir()").result(), "['first']");
}

TEST_P(CellFilesTest, AreToldAfterAFailureAndNotAfterATimeout) {
  ExecuteCodeRequest request = Cell(GetParam().fail);
  request.add_output_files("/etc/passwd");
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  EXPECT_EQ(FilesOf(run).size(), 1u);
  request.set_code(GetParam().wait);
  request.mutable_timeout()->set_seconds(0);
  request.mutable_timeout()->set_nanos(300'000'000);
  run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(FilesOf(run).empty());
  EXPECT_EQ(Incomplete(run), "the cell was interrupted");
}

TEST_P(CellFilesTest, TheTimeoutEndsTheReadingAndNothingWaitsForAFifo) {
  ExecuteCodeRequest request = Cell(GetParam().sparse);
  request.add_output_files("a_fifo");
  request.add_output_files("sparse*");
  request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(AtThisPace(absl::Milliseconds(500))) +
                                         4);
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(run.termination.context_alive()) << run.termination.message();
  Files files = FilesOf(run);
  EXPECT_LT(files.size(), 401u);
  EXPECT_EQ(files["/home/user/a_fifo"].error(), "is a FIFO");
  // Which of the two hangs on whether the worker is just telling of one as it is stopped.
  EXPECT_THAT(Incomplete(run),
              ::testing::AnyOf("the cell was interrupted",
                               "the cell was stopped: 1 files that were found later are not told"));
}

INSTANTIATE_TEST_SUITE_P(
    In, CellFilesTest,
    ::testing::Values(
        Language{"python", "import shutil; _ = shutil.copy('deep/er/in.bin', 'out.bin')", "1/0",
                 "import time; time.sleep(1e6)",
                 "import os; os.mkfifo('a_fifo')\n"
                 "for n in range(400): os.truncate(open(f'sparse{n}', 'w').name, 200 << 20)"},
        Language{"bash", "cp deep/er/in.bin out.bin", "false", "sleep 1000000",
                 "mkfifo a_fifo; truncate -s 200M sparse{1..400}"}),
    [](const auto& language) { return std::string(language.param.name); });

}  // namespace
}  // namespace warren
