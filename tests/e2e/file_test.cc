// Files of a sandbox over gRPC.

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "warren/v1/file.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Header = v1::WriteFileRequest::Header;

struct ReadOutcome {
  grpc::Status status;
  v1::FileEntry entry;
  std::string data;
  v1::ReadFileResponse::End end;
};
struct WriteOutcome {
  grpc::Status status;
  v1::WriteFileResponse response;
};

class FileTest : public ServerTest {
 protected:
  FileTest() : files_(v1::FileService::NewStub(server().channel())) {}

  ReadOutcome Read(const std::string& path, const std::string& user = "") {
    v1::ReadFileRequest request;
    request.set_path(path);
    request.set_user(user);
    return Read(request);
  }
  ReadOutcome Read(v1::ReadFileRequest request) {
    request.set_sandbox_id(sandbox_.id());
    grpc::ClientContext context;
    auto reader = files_->ReadFile(&context, request);
    ReadOutcome outcome;
    v1::ReadFileResponse response;
    while (reader->Read(&response)) {
      if (response.has_entry()) outcome.entry = response.entry();
      if (response.has_data()) outcome.data += response.data();
      if (response.has_end()) outcome.end = response.end();
      EXPECT_LE(response.data().size(), size_t{1} << 20);
    }
    outcome.status = reader->Finish();
    return outcome;
  }
  WriteOutcome Write(const std::string& path, const std::string& data,
                     const std::function<void(Header&)>& change = {}) {
    grpc::ClientContext context;
    WriteOutcome outcome;
    auto writer = files_->WriteFile(&context, &outcome.response);
    v1::WriteFileRequest request;
    request.mutable_header()->set_sandbox_id(sandbox_.id());
    request.mutable_header()->set_path(path);
    if (change) change(*request.mutable_header());
    bool on = writer->Write(request);
    for (size_t at = 0; on && at < data.size(); at += 1 << 20) {
      request.set_data(data.substr(at, 1 << 20));
      on = writer->Write(request);
    }
    request.mutable_end();
    if (on) writer->Write(request);
    writer->WritesDone();
    outcome.status = writer->Finish();
    return outcome;
  }
  std::pair<grpc::Status, std::vector<v1::FileEntry>> List(const std::string& path, int depth = 0) {
    v1::ListDirectoryRequest request;
    request.set_sandbox_id(sandbox_.id());
    request.set_path(path);
    request.set_depth(depth);
    grpc::ClientContext context;
    auto reader = files_->ListDirectory(&context, request);
    std::vector<v1::FileEntry> entries;
    v1::FileEntry entry;
    while (reader->Read(&entry)) entries.push_back(entry);
    return {reader->Finish(), entries};
  }
  // One of the unary calls.
  template <class Response, class Request, class Method>
  std::pair<grpc::Status, Response> Ask(Method method, Request request) {
    request.set_sandbox_id(sandbox_.id());
    grpc::ClientContext context;
    Response response;
    grpc::Status status = (files_.get()->*method)(&context, request, &response);
    return {status, response};
  }
  std::pair<grpc::Status, v1::FileEntry> Stat(const std::string& path) {
    v1::StatFileRequest request;
    request.set_path(path);
    return Ask<v1::FileEntry>(&v1::FileService::Stub::StatFile, request);
  }

  std::unique_ptr<v1::FileService::Stub> files_;
  TestSandbox sandbox_{server()};
};

TEST_F(FileTest, WritesAndReads) {
  std::string bytes(5 << 20, 'x');
  for (size_t i = 0; i < bytes.size(); i += 997) bytes[i] = static_cast<char>(i);
  WriteOutcome written = Write("data/file", bytes);
  ASSERT_TRUE(written.status.ok()) << written.status.error_message();
  EXPECT_EQ(written.response.size_bytes(), static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(written.response.sha256(), Digest(bytes));
  EXPECT_EQ(written.response.entry().path(), "/home/user/data/file");
  EXPECT_EQ(written.response.entry().type(), v1::FileEntry::REGULAR);
  EXPECT_EQ(written.response.entry().mode(), 0644u);
  EXPECT_EQ(written.response.entry().owner(), "user");
  ReadOutcome read = Read("~/data/file");
  ASSERT_TRUE(read.status.ok()) << read.status.error_message();
  EXPECT_TRUE(read.data == bytes);
  EXPECT_EQ(read.end.sha256(), Digest(bytes));
  EXPECT_EQ(read.end.size_bytes(), static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(read.entry.size_bytes(), static_cast<int64_t>(bytes.size()));
  // A context sees the same, and it is its user's.
  EXPECT_EQ(sandbox_.Execute("import os\nos.stat('data/file').st_uid, os.path.getsize('data/file')")
                .result(),
            "(1000, 5242880)");
  sandbox_.Execute("open('/tmp/of_a_cell', 'w').write('seen')");
  EXPECT_EQ(Read("/tmp/of_a_cell").data, "seen");
}

TEST_F(FileTest, SaysWhatIsWrong) {
  grpc::Status status = Read("/none").status;
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("read \"/none\": open: No such file"));
  EXPECT_EQ(Read("/root/x").status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_EQ(Read("/tmp").status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(Read("/dev/zero").status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(Read("/proc/self/environ").status.error_code() == grpc::OK, false);
  EXPECT_EQ(Write("/etc/x", "x").status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_EQ(Read("").status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(Read("").status.error_message(), HasSubstr("path"));
  EXPECT_EQ(Read("/x", "somebody").status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Read(std::string("/a\nb")).status.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(Read(std::string("/a\nb")).status.error_message(), HasSubstr("/a\\nb"));
  v1::ReadFileRequest beyond;
  beyond.set_path("/etc/passwd");
  beyond.set_offset(1 << 30);
  EXPECT_EQ(Read(beyond).status.error_code(), grpc::OUT_OF_RANGE);
  v1::StatFileRequest nobody;
  nobody.set_sandbox_id("sb_0123456789abcdef");
  nobody.set_path("/tmp");
  grpc::ClientContext context;
  v1::FileEntry entry;
  EXPECT_EQ(files_->StatFile(&context, nobody, &entry).error_code(), grpc::NOT_FOUND);
}

TEST_F(FileTest, RootIsTheSandboxesOwn) {
  const WriteOutcome written = Write("/etc/of_root", "x", [](Header& header) {
    header.set_user("root");
    header.set_mode(0600);
  });
  if (written.status.error_code() == grpc::PERMISSION_DENIED) {
    EXPECT_THAT(written.status.error_message(), HasSubstr("does not grant"));
    return;
  }
  ASSERT_TRUE(written.status.ok()) << written.status.error_message();
  EXPECT_EQ(written.response.entry().owner(), "root");
  EXPECT_EQ(Read("/etc/of_root").status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_EQ(Read("/etc/of_root", "root").data, "x");
}

TEST_F(FileTest, AWriteThatDoesNotEndLeavesNothing) {
  ASSERT_TRUE(Write("/tmp/f", "before").status.ok());
  // It has no more to say, and has not said that this was all.
  {
    grpc::ClientContext context;
    v1::WriteFileResponse response;
    auto writer = files_->WriteFile(&context, &response);
    v1::WriteFileRequest request;
    request.mutable_header()->set_sandbox_id(sandbox_.id());
    request.mutable_header()->set_path("/tmp/f");
    EXPECT_TRUE(writer->Write(request));
    request.set_data("half");
    EXPECT_TRUE(writer->Write(request));
    writer->WritesDone();
    grpc::Status status = writer->Finish();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("end is missing"));
  }
  // The client goes.
  {
    grpc::ClientContext context;
    v1::WriteFileResponse response;
    auto writer = files_->WriteFile(&context, &response);
    v1::WriteFileRequest request;
    request.mutable_header()->set_sandbox_id(sandbox_.id());
    request.mutable_header()->set_path("/tmp/f");
    EXPECT_TRUE(writer->Write(request));
    request.set_data(std::string(1 << 20, 'x'));
    for (int i = 0; i < 3; ++i) writer->Write(request);
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::CANCELLED);
  }
  EXPECT_TRUE(Eventually([&] { return List("/tmp").second.size() == 1; }));
  EXPECT_EQ(Read("/tmp/f").data, "before");
}

TEST_F(FileTest, AWrongDigestIsDataLoss) {
  auto wanted = [](Header& header) { header.set_sha256(Digest("other")); };
  EXPECT_EQ(Write("/tmp/f", "this", wanted).status.error_code(), grpc::DATA_LOSS);
  EXPECT_EQ(Read("/tmp/f").status.error_code(), grpc::NOT_FOUND);
  auto exclusive = [](Header& header) { header.set_exclusive(true); };
  EXPECT_TRUE(Write("/tmp/f", "this", exclusive).status.ok());
  EXPECT_EQ(Write("/tmp/f", "that", exclusive).status.error_code(), grpc::ALREADY_EXISTS);
}

TEST_F(FileTest, AFullDiskIsSaid) {
  const WriteOutcome written = Write("/home/user/f", std::string(300 << 20, 'x'));
  EXPECT_EQ(written.status.error_code(), grpc::RESOURCE_EXHAUSTED)
      << written.status.error_message();
  EXPECT_THAT(List("/home/user").second,
              ::testing::Each(::testing::Property(&v1::FileEntry::path,
                                                  ::testing::Not(HasSubstr(".warren-")))));
}

TEST_F(FileTest, DirectoriesMovesAndRemovals) {
  v1::MakeDirectoryRequest make;
  make.set_path("a/b/c");
  auto [made, entry] = Ask<v1::FileEntry>(&v1::FileService::Stub::MakeDirectory, make);
  ASSERT_TRUE(made.ok()) << made.error_message();
  EXPECT_EQ(entry.path(), "/home/user/a/b/c");
  EXPECT_EQ(entry.type(), v1::FileEntry::DIRECTORY);
  EXPECT_EQ(Ask<v1::FileEntry>(&v1::FileService::Stub::MakeDirectory, make).first.error_code(),
            grpc::ALREADY_EXISTS);
  ASSERT_TRUE(Write("a/f", "f").status.ok());
  v1::MoveFileRequest move;
  move.set_source("a/f");
  move.set_destination("a/b/g");
  EXPECT_TRUE(Ask<v1::FileEntry>(&v1::FileService::Stub::MoveFile, move).first.ok());
  EXPECT_EQ(Ask<v1::FileEntry>(&v1::FileService::Stub::MoveFile, move).first.error_code(),
            grpc::NOT_FOUND);
  std::vector<std::string> paths;
  for (const auto& each : List("a", 3).second) paths.push_back(each.path());
  EXPECT_THAT(paths,
              UnorderedElementsAre("/home/user/a/b", "/home/user/a/b/c", "/home/user/a/b/g"));
  v1::RemoveFileRequest remove;
  remove.set_path("a");
  EXPECT_EQ(
      Ask<v1::RemoveFileResponse>(&v1::FileService::Stub::RemoveFile, remove).first.error_code(),
      grpc::FAILED_PRECONDITION);
  remove.set_recursive(true);
  EXPECT_TRUE(Ask<v1::RemoveFileResponse>(&v1::FileService::Stub::RemoveFile, remove).first.ok());
  EXPECT_EQ(Stat("a").first.error_code(), grpc::NOT_FOUND);
}

TEST_F(FileTest, ListsMany) {
  sandbox_.Execute(
      "import os\nos.mkdir('/tmp/n')\nfor i in range(20000): open(f'/tmp/n/{i}', 'w')");
  auto [status, entries] = List("/tmp/n");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(entries.size(), 20000u);
}

TEST_F(FileTest, AReaderThatWaitsHoldsNobodyUp) {
  ASSERT_TRUE(Write("big", std::string(64 << 20, 'x')).status.ok());
  v1::ReadFileRequest request;
  request.set_sandbox_id(sandbox_.id());
  request.set_path("big");
  grpc::ClientContext slow;
  auto reader = files_->ReadFile(&slow, request);
  v1::ReadFileResponse response;
  ASSERT_TRUE(reader->Read(&response));
  // Others go on beside it, also in the same sandbox.
  EXPECT_EQ(Read("big").data.size(), size_t{64} << 20);
  EXPECT_EQ(sandbox_.Execute("1 + 1").result(), "2");
  size_t bytes = 0;
  while (reader->Read(&response)) bytes += response.data().size();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(bytes, size_t{64} << 20);
}

TEST_F(FileTest, WatchesADirectory) {
  v1::WatchDirectoryRequest request;
  request.set_sandbox_id(sandbox_.id());
  request.set_path("/tmp");
  request.set_recursive(true);
  grpc::ClientContext context;
  auto reader = files_->WatchDirectory(&context, request);
  v1::FileEvent event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.kind(), v1::FileEvent::WATCHING);
  sandbox_.Execute("import os\nos.makedirs('/tmp/a/b'); open('/tmp/a/b/f', 'w').write('x')");
  while (reader->Read(&event)) {
    if (event.path() == "/tmp/a/b/f") break;
  }
  EXPECT_EQ(event.path(), "/tmp/a/b/f");
  context.TryCancel();
  while (reader->Read(&event)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

TEST_F(FileTest, ASandboxThatGoesEndsWhatIsUnderWay) {
  v1::WatchDirectoryRequest request;
  request.set_sandbox_id(sandbox_.id());
  request.set_path("/tmp");
  grpc::ClientContext context;
  auto reader = files_->WatchDirectory(&context, request);
  v1::FileEvent event;
  ASSERT_TRUE(reader->Read(&event));
  sandbox_.Destroy();
  while (reader->Read(&event)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace warren
