#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_FILE_CLIENT_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_FILE_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "warren/v1/file.grpc.pb.h"

// Files of one sandbox, moved by blocking calls as any client would. What they hold is Pattern().
namespace warren::bench {

// A file and how it is moved.
struct TestFile {
  // The reference server, which has no files, reads from its last part how large its messages are
  // to be.
  std::string path;
  int64_t bytes = 0;
  // Of the data in a message that the client sends.
  int64_t chunk = 0;
};

struct Transfer {
  // What the server says about the bytes.
  std::string sha256;
  // When the answer, or the end of what was read, was there.
  int64_t finished_ns = 0;
  // Data of the largest message.
  int64_t chunk = 0;
};

// How much of what is read is compared with what was written.
enum class Compare {
  // Its size, and both ends of every message: costs nothing beside a transfer.
  kEnds,
  kAll,
};

// Owner: one thread.
class FileClient {
 public:
  FileClient(const std::shared_ptr<grpc::Channel>& channel, std::string sandbox_id);

  absl::StatusOr<Transfer> Write(const TestFile& file);
  absl::StatusOr<Transfer> Read(const TestFile& file, Compare compare);
  absl::Status Remove(const TestFile& file);

 private:
  std::unique_ptr<v1::FileService::Stub> files_;
  std::string sandbox_id_;
};

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_FILE_CLIENT_H_
