#include "supervisor/e2b/envd/cloud_download.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: nothing of a file that is being read comes for so long.
constexpr std::chrono::seconds kDownloadStall{60};
constexpr size_t kMaxDownloadRefusal = 64 << 10;

}  // namespace

CloudDownload::CloudDownload(FilesOf files, v1::ReadFileRequest request,
                             std::shared_ptr<SandboxHandle::ReadSink> sink)
    : files_(std::move(files)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      use_(files_.sandbox->use),
      digest_(::EVP_MD_CTX_new()) {
  ::EVP_DigestInit_ex(digest_.get(), ::EVP_sha256(), nullptr);
}

CloudDownload::~CloudDownload() {
  // Nothing that it waited for is there any more.
  if (sink_ != nullptr) sink_->End(absl::UnavailableError("the backend is being shut down"));
}

void CloudDownload::Start() {
  StatCloudFile(files_, request_.path(),
                [self = shared_from_this()](absl::StatusOr<v1::FileEntry> entry) {
                  self->OnEntry(std::move(entry));
                });
}

void CloudDownload::OnEntry(absl::StatusOr<v1::FileEntry> entry) {
  if (sink_ == nullptr) return;
  if (!entry.ok()) return End(entry.status());
  if (entry->type() == v1::FileEntry::DIRECTORY || entry->type() == v1::FileEntry::OTHER)
    return End(absl::FailedPreconditionError("it is no regular file"));
  const int64_t size = entry->size_bytes();
  if (request_.offset() > size) {
    return End(absl::OutOfRangeError(
        absl::StrCat("offset is ", request_.offset(), ", beyond the file's ", size, " bytes")));
  }
  wanted_ = size - request_.offset();
  if (request_.has_length()) wanted_ = std::min(wanted_, request_.length());
  v1::ReadFileResponse part;
  *part.mutable_entry() = *std::move(entry);
  flow_ = sink_->Push(std::move(part));
  if (wanted_ == 0) return Finish();
  Fetch();
}

void CloudDownload::Fetch() {
  const Cloud& cloud = *files_.cloud;
  HttpRequest request =
      EnvdRequest(cloud.options(), *files_.sandbox, "GET",
                  absl::StrCat("/files?path=", PercentEncode(request_.path()),
                               files_.user.empty() ? "" : "&username=", PercentEncode(files_.user)),
                  files_.user);
  // Of all of it none is asked for: a file that has grown is read as far as was told.
  request.headers.emplace_back(
      "Range", absl::StrCat("bytes=", request_.offset(), "-", request_.offset() + wanted_ - 1));
  request.lane = HttpLane::kStream;
  request.timeout = std::chrono::milliseconds(0);
  request.stall = cloud.options().Paced(kDownloadStall);
  auto call = files_.cloud->http().Start(std::move(request), shared_from_this());
  if (sink_ != nullptr) call_ = std::move(call);
}

void CloudDownload::Resume() {
  flow_ = Flow::kContinue;
  if (call_ != nullptr) call_->Resume();
}

void CloudDownload::Cancel() { End(absl::CancelledError("the client has gone")); }

void CloudDownload::OnHead(const HttpHead& head) { head_ = head; }

Flow CloudDownload::OnBytes(absl::string_view bytes) {
  const auto self = shared_from_this();
  if (sink_ == nullptr) return Flow::kContinue;
  if (head_.status != 200 && head_.status != 206) {
    refusal_.append(bytes.data(), std::min(bytes.size(), kMaxDownloadRefusal - refusal_.size()));
    return Flow::kContinue;
  }
  // One that does not know ranges sends all of it.
  if (head_.status == 200 && request_.offset() > 0) {
    End(absl::UnimplementedError("the cloud does not read parts of files"));
    return Flow::kContinue;
  }
  bytes = bytes.substr(0, static_cast<size_t>(std::min<int64_t>(
                              wanted_ - sent_, static_cast<int64_t>(bytes.size()))));
  if (bytes.empty()) return Flow::kContinue;
  ::EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  sent_ += static_cast<int64_t>(bytes.size());
  v1::ReadFileResponse part;
  part.set_data(bytes.data(), bytes.size());
  flow_ = sink_->Push(std::move(part));
  if (sent_ < wanted_) return flow_;
  // What is behind it, or no end at all, is not waited for.
  if (head_.status == 206 || head_.length == wanted_) files_.cloud->LetEnd(std::move(call_));
  Finish();
  return Flow::kContinue;
}

void CloudDownload::OnEnd(absl::Status status, bool) {
  const auto self = shared_from_this();
  if (sink_ == nullptr) return;
  if (status.ok()) status = EnvdStatus(HttpAnswer{head_, std::move(refusal_)});
  if (status.ok() && sent_ == wanted_) return Finish();
  if (status.ok()) return End(absl::AbortedError("the file became shorter while it was read"));
  files_.cloud->Explain(files_.sandbox, std::move(status),
                        [self](absl::Status told) { self->End(std::move(told)); });
}

void CloudDownload::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ::EVP_DigestFinal_ex(digest_.get(), digest, &size);
  v1::ReadFileResponse part;
  part.mutable_end()->set_size_bytes(sent_);
  part.mutable_end()->set_sha256(reinterpret_cast<const char*>(digest), size);
  sink_->Push(std::move(part));
  End(absl::OkStatus());
}

void CloudDownload::End(absl::Status status) {
  call_.reset();
  use_.End();
  if (auto sink = std::exchange(sink_, nullptr)) sink->End(std::move(status));
}

}  // namespace warren
