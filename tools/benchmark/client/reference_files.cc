#include "tools/benchmark/client/reference_files.h"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tools/benchmark/client/file_pattern.h"

namespace warren::bench {
namespace {

constexpr int64_t kUsualChunk = 64 << 10;

// As long as a real answer.
v1::FileEntry SomeEntry(const std::string& path, int64_t bytes) {
  v1::FileEntry entry;
  entry.set_path(path);
  entry.set_type(v1::FileEntry::REGULAR);
  entry.set_size_bytes(bytes);
  entry.set_mode(0644);
  entry.set_uid(1000);
  entry.set_gid(1000);
  entry.mutable_modified_at()->set_seconds(1'800'000'000);
  entry.set_owner("user");
  entry.set_group("user");
  return entry;
}

std::string SomeDigest() { return std::string(32, '\1'); }

int64_t ChunkOf(const std::string& path) {
  std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  int64_t chunk = 0;
  return absl::SimpleAtoi(parts.back(), &chunk) && chunk > 0 ? chunk : kUsualChunk;
}

// The entry, the data, the end. Owns itself until OnDone.
class Download final : public grpc::ServerWriteReactor<v1::ReadFileResponse> {
 public:
  explicit Download(const v1::ReadFileRequest& request)
      : bytes_(request.length()), chunk_(ChunkOf(request.path())) {
    *part_.mutable_entry() = SomeEntry(request.path(), bytes_);
    StartWrite(&part_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok || part_.has_end()) {
      Finish(grpc::Status::OK);
      return;
    }
    Next();
    StartWrite(&part_);
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (sent_ >= bytes_) {
      part_.mutable_end()->set_size_bytes(bytes_);
      part_.mutable_end()->set_sha256(SomeDigest());
      return;
    }
    // Filled anew each time, as by a server that has just read it from somewhere.
    absl::string_view data = Pattern(sent_, std::min(chunk_, bytes_ - sent_));
    part_.set_data(std::string(data));
    sent_ += static_cast<int64_t>(data.size());
  }

  int64_t bytes_;
  int64_t chunk_;
  int64_t sent_ = 0;
  v1::ReadFileResponse part_;
};

// Owns itself until OnDone.
class Upload final : public grpc::ServerReadReactor<v1::WriteFileRequest> {
 public:
  explicit Upload(v1::WriteFileResponse* response) : response_(response) { StartRead(&part_); }

  void OnReadDone(bool ok) override {
    if (ok) {
      if (part_.has_header()) path_ = part_.header().path();
      bytes_ += static_cast<int64_t>(part_.data().size());
      StartRead(&part_);
      return;
    }
    *response_->mutable_entry() = SomeEntry(path_, bytes_);
    response_->set_size_bytes(bytes_);
    response_->set_sha256(SomeDigest());
    Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  v1::WriteFileResponse* response_;
  v1::WriteFileRequest part_;
  std::string path_;
  int64_t bytes_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<v1::ReadFileResponse>* ReferenceFiles::ReadFile(
    grpc::CallbackServerContext*, const v1::ReadFileRequest* request) {
  return new Download(*request);
}

grpc::ServerReadReactor<v1::WriteFileRequest>* ReferenceFiles::WriteFile(
    grpc::CallbackServerContext*, v1::WriteFileResponse* response) {
  return new Upload(response);
}

grpc::ServerUnaryReactor* ReferenceFiles::RemoveFile(grpc::CallbackServerContext* context,
                                                     const v1::RemoveFileRequest*,
                                                     v1::RemoveFileResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace warren::bench
