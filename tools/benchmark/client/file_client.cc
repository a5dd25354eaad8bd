#include "tools/benchmark/client/file_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/calls.h"
#include "tools/benchmark/client/file_pattern.h"
#include "tools/benchmark/client/samples.h"

namespace warren::bench {
namespace {

constexpr std::chrono::seconds kTimeout{300};
constexpr size_t kDigestBytes = 32;
// Of either end of a message.
constexpr size_t kCompared = 64;

bool IsRight(absl::string_view data, int64_t offset, Compare compare) {
  if (compare == Compare::kAll || data.size() <= 2 * kCompared) return HoldsPattern(data, offset);
  size_t tail = data.size() - kCompared;
  return HoldsPattern(data.substr(0, kCompared), offset) &&
         HoldsPattern(data.substr(tail), offset + static_cast<int64_t>(tail));
}

absl::Status CheckEnd(absl::string_view what, int64_t bytes, const std::string& sha256,
                      const TestFile& file) {
  if (bytes == file.bytes && sha256.size() == kDigestBytes) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(what, ": the server tells of ", bytes, " bytes and ",
                                          sha256.size(), " bytes of digest, not of ", file.bytes,
                                          " and ", kDigestBytes));
}

// A file on its way to the client.
struct Received {
  int64_t bytes = 0;
  bool right = true;
  v1::ReadFileResponse::End end;
  Transfer transfer;
};

void Receive(const v1::ReadFileResponse& part, Compare compare, Received& received) {
  if (part.has_end()) {
    received.end = part.end();
    received.transfer.finished_ns = NowNs();
  }
  if (!part.has_data()) return;
  received.right = received.right && IsRight(part.data(), received.bytes, compare);
  auto size = static_cast<int64_t>(part.data().size());
  received.bytes += size;
  received.transfer.chunk = std::max(received.transfer.chunk, size);
}

}  // namespace

FileClient::FileClient(const std::shared_ptr<grpc::Channel>& channel, std::string sandbox_id)
    : files_(v1::FileService::NewStub(channel)), sandbox_id_(std::move(sandbox_id)) {}

absl::StatusOr<Transfer> FileClient::Write(const TestFile& file) {
  grpc::ClientContext context;
  SetTimeout(context, kTimeout);
  v1::WriteFileResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::WriteFileRequest>> writer =
      files_->WriteFile(&context, &response);
  v1::WriteFileRequest request;
  request.mutable_header()->set_sandbox_id(sandbox_id_);
  request.mutable_header()->set_path(file.path);
  // A write that is refused ends the call: Finish says why.
  bool open = writer->Write(request);
  int64_t sent = 0;
  while (open && sent < file.bytes) {
    absl::string_view data = Pattern(sent, std::min(file.chunk, file.bytes - sent));
    request.set_data(data.data(), data.size());
    open = writer->Write(request);
    sent += static_cast<int64_t>(data.size());
  }
  request.mutable_end();
  writer->Write(request, grpc::WriteOptions().set_last_message());
  grpc::Status status = writer->Finish();
  int64_t finished_ns = NowNs();
  WARREN_RETURN_IF_ERROR(FromGrpc("write a file", status));
  WARREN_RETURN_IF_ERROR(CheckEnd("write a file", response.size_bytes(), response.sha256(), file));
  return Transfer{response.sha256(), finished_ns, file.chunk};
}

absl::StatusOr<Transfer> FileClient::Read(const TestFile& file, Compare compare) {
  v1::ReadFileRequest request;
  request.set_sandbox_id(sandbox_id_);
  request.set_path(file.path);
  request.set_length(file.bytes);
  grpc::ClientContext context;
  SetTimeout(context, kTimeout);
  std::unique_ptr<grpc::ClientReader<v1::ReadFileResponse>> reader =
      files_->ReadFile(&context, request);
  Received received;
  v1::ReadFileResponse part;
  while (reader->Read(&part)) Receive(part, compare, received);
  WARREN_RETURN_IF_ERROR(FromGrpc("read a file", reader->Finish()));
  WARREN_RETURN_IF_ERROR(
      CheckEnd("read a file", received.end.size_bytes(), received.end.sha256(), file));
  if (received.bytes != file.bytes || !received.right) {
    return absl::DataLossError(
        absl::StrCat("read a file: ", received.bytes, " bytes came of ", file.bytes,
                     received.right ? "" : ", and they are not those that were written"));
  }
  received.transfer.sha256 = received.end.sha256();
  return received.transfer;
}

absl::Status FileClient::Remove(const TestFile& file) {
  grpc::ClientContext context;
  SetTimeout(context, kTimeout);
  v1::RemoveFileRequest request;
  request.set_sandbox_id(sandbox_id_);
  request.set_path(file.path);
  v1::RemoveFileResponse response;
  return FromGrpc("remove a file", files_->RemoveFile(&context, request, &response));
}

}  // namespace warren::bench
