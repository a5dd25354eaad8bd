#include "tools/benchmark/client/file_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/benchmark/client/file_pattern.h"
#include "tools/benchmark/client/reference_files.h"

namespace warren::bench {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kChunk = 1000;
const TestFile kFile = {"/tmp/1000", 10 * kChunk + 1, kChunk};

// Sends what it is told to send.
class Made final : public v1::FileService::Service {
 public:
  explicit Made(std::vector<v1::ReadFileResponse> parts) : parts_(std::move(parts)) {}

  grpc::Status ReadFile(grpc::ServerContext*, const v1::ReadFileRequest*,
                        grpc::ServerWriter<v1::ReadFileResponse>* writer) override {
    for (const v1::ReadFileResponse& part : parts_) writer->Write(part);
    return grpc::Status::OK;
  }

 private:
  std::vector<v1::ReadFileResponse> parts_;
};

v1::ReadFileResponse Data(std::string data) {
  v1::ReadFileResponse part;
  part.set_data(std::move(data));
  return part;
}

v1::ReadFileResponse End(int64_t bytes) {
  v1::ReadFileResponse part;
  part.mutable_end()->set_size_bytes(bytes);
  part.mutable_end()->set_sha256(std::string(32, 'd'));
  return part;
}

std::string Right() { return std::string(Pattern(0, kFile.bytes)); }

class FileClientTest : public ::testing::Test {
 protected:
  FileClient& Serve(grpc::Service& service) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<FileClient>(server_->InProcessChannel({}), "sb");
    return *client_;
  }

  absl::Status ReadOf(std::vector<v1::ReadFileResponse> parts, Compare compare) {
    Made made(std::move(parts));
    absl::Status status = Serve(made).Read(kFile, compare).status();
    Stop();
    return status;
  }

  // Before the service goes.
  void Stop() {
    client_.reset();
    server_->Shutdown();
    server_.reset();
  }

  ReferenceFiles reference_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<FileClient> client_;
};

TEST_F(FileClientTest, WritesToTheReferenceAndReadsFromIt) {
  FileClient& files = Serve(reference_);
  absl::StatusOr<Transfer> written = files.Write(kFile);
  ASSERT_TRUE(written.ok()) << written.status();
  absl::StatusOr<Transfer> read = files.Read(kFile, Compare::kAll);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->sha256, written->sha256);
  EXPECT_EQ(read->chunk, kChunk);
  EXPECT_TRUE(files.Remove(kFile).ok());
  Stop();
}

TEST_F(FileClientTest, TakesWhatIsRight) {
  EXPECT_TRUE(ReadOf({Data(Right()), End(kFile.bytes)}, Compare::kAll).ok());
}

TEST_F(FileClientTest, RefusesWhatIsShort) {
  std::string shorter = Right().substr(1);
  EXPECT_EQ(ReadOf({Data(shorter), End(kFile.bytes)}, Compare::kEnds).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadOf({Data(Right()), End(kFile.bytes - 1)}, Compare::kEnds).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadOf({Data(Right())}, Compare::kEnds).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FileClientTest, RefusesBytesThatWereNotWritten) {
  std::string ends = Right();
  ends.back() ^= 1;
  absl::Status status = ReadOf({Data(ends), End(kFile.bytes)}, Compare::kEnds);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("not those that were written"));

  std::string middle = Right();
  middle[middle.size() / 2] ^= 1;
  EXPECT_FALSE(ReadOf({Data(middle), End(kFile.bytes)}, Compare::kAll).ok());
}

TEST_F(FileClientTest, SaysTheCodeOfWhatIsNotServed) {
  Made made({});
  absl::Status status = Serve(made).Write(kFile).status();
  Stop();
  EXPECT_THAT(status.message(), HasSubstr("write a file: UNIMPLEMENTED"));
}

TEST(PatternTest, EndsWithItsMebibyteAndBeginsAgain) {
  constexpr int64_t kMebibyte = 1 << 20;
  EXPECT_EQ(Pattern(kMebibyte - 3, 10).size(), 3u);
  EXPECT_EQ(Pattern(kMebibyte, 10), Pattern(0, 10));
  std::string across(Pattern(kMebibyte - 3, 3));
  across += std::string(Pattern(0, 7));
  EXPECT_TRUE(HoldsPattern(across, kMebibyte - 3));
  EXPECT_FALSE(HoldsPattern(across, kMebibyte - 2));
}

}  // namespace
}  // namespace warren::bench
