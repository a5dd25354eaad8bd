#include "supervisor/e2b/envd/cloud_upload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: the cloud takes nothing of a file for so long.
constexpr std::chrono::seconds kUploadStall{60};
// From a file's last byte, most of a mebibyte before it on its way still, to the cloud's answer.
constexpr std::chrono::seconds kUploadAnswer{300};
constexpr size_t kMaxUploadAnswer = 64 << 10;
constexpr char kAttribute[] = "user.e2b.";

}  // namespace

CloudUpload::CloudUpload(FilesOf files, v1::WriteFileRequest::Header header,
                         absl::AnyInvocable<void()> on_room, Reply<v1::WriteFileResponse> reply)
    : files_(std::move(files)),
      header_(std::move(header)),
      on_room_(std::move(on_room)),
      reply_(std::move(reply)),
      use_(files_.sandbox->use),
      digest_(::EVP_MD_CTX_new()),
      charge_(&files_.cloud->memory()) {
  ::EVP_DigestInit_ex(digest_.get(), ::EVP_sha256(), nullptr);
}

std::string CloudUpload::Target() const {
  std::string target = absl::StrCat("/files?path=", PercentEncode(header_.path()));
  if (!files_.user.empty()) absl::StrAppend(&target, "&username=", PercentEncode(files_.user));
  return target;
}

void CloudUpload::Start() {
  if (!reply_) return;
  const CloudOptions& options = files_.cloud->options();
  HttpRequest request = EnvdRequest(options, *files_.sandbox, "POST", Target(), files_.user);
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  for (const auto& [name, value] : header_.attributes()) {
    request.headers.emplace_back(absl::StrCat("X-Metadata-", absl::StripPrefix(name, kAttribute)),
                                 value);
  }
  request.streams_body = true;
  request.lane = HttpLane::kStream;
  request.timeout = std::chrono::milliseconds(0);
  request.stall = options.Paced(kUploadStall);
  auto call = files_.cloud->http().Start(std::move(request), shared_from_this());
  if (!reply_) return;
  call_ = std::move(call);
  SendWaiting();
}

Flow CloudUpload::Write(std::string data) {
  Flow flow;
  {
    MutexLock lock(&mu_);
    if (closed_ || data.empty()) return Flow::kContinue;
    waiting_bytes_ += data.size();
    charge_.Add(static_cast<int64_t>(data.size()));
    waiting_.push_back(std::move(data));
    full_ = full_ || waiting_bytes_ >= kMostWaiting;
    flow = full_ ? Flow::kPause : Flow::kContinue;
  }
  files_.cloud->Post([self = shared_from_this()] { self->SendWaiting(); });
  return flow;
}

void CloudUpload::Close() {
  {
    MutexLock lock(&mu_);
    closed_ = true;
  }
  files_.cloud->Post([self = shared_from_this()] { self->SendWaiting(); });
}

void CloudUpload::SendWaiting() {
  if (call_ == nullptr || sent_end_) return;
  bool has_room = false;
  bool at_end = false;
  while (call_has_room_) {
    std::string data;
    {
      MutexLock lock(&mu_);
      if (waiting_.empty()) {
        at_end = closed_;
        has_room = std::exchange(full_, false);
        break;
      }
      data = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_bytes_ -= data.size();
      charge_.Remove(static_cast<int64_t>(data.size()));
    }
    ::EVP_DigestUpdate(digest_.get(), data.data(), data.size());
    size_ += static_cast<int64_t>(data.size());
    call_has_room_ = call_->Write(std::move(data)) == Flow::kContinue;
  }
  if (has_room) on_room_();
  if (at_end) Finish();
}

void CloudUpload::Finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ::EVP_DigestFinal_ex(digest_.get(), digest, &size);
  sha256_.assign(reinterpret_cast<const char*>(digest), size);
  sent_end_ = true;
  if (!header_.sha256().empty() && header_.sha256() != sha256_) {
    // Before its end, so that it is no file.
    return Answer(absl::DataLossError(
        "what arrived has not the digest that was announced; it was not written"));
  }
  call_->Close();
  AwaitAnswer();
}

// One that the cloud says slowly moves on, and is no stall.
void CloudUpload::AwaitAnswer() {
  answer_timer_ =
      files_.cloud->loop().AddTimer(files_.cloud->After(kUploadAnswer), [weak = weak_from_this()] {
        auto self = weak.lock();
        if (!self || self->call_ == nullptr) return;
        self->Answer(absl::DeadlineExceededError(
            "the cloud did not answer in time; whether the file was written is not known"));
      });
}

void CloudUpload::OnRoom() {
  call_has_room_ = true;
  SendWaiting();
}

void CloudUpload::Cancel() { Answer(absl::CancelledError("the upload was cancelled")); }

Flow CloudUpload::OnBytes(absl::string_view bytes) {
  answer_.append(bytes.data(), std::min(bytes.size(), kMaxUploadAnswer - answer_.size()));
  return Flow::kContinue;
}

void CloudUpload::OnEnd(absl::Status status, bool) {
  const auto self = shared_from_this();
  if (!reply_) return;
  call_.reset();
  if (status.ok()) status = EnvdStatus(HttpAnswer{head_, std::move(answer_)});
  if (status.ok() && !sent_end_)
    status = absl::UnavailableError("the cloud answered before it had all of the file");
  if (!status.ok()) {
    return files_.cloud->Explain(files_.sandbox, std::move(status),
                                 [self](absl::Status told) { self->Answer(std::move(told)); });
  }
  auto answer = [self](absl::StatusOr<v1::FileEntry> entry) { self->Answer(std::move(entry)); };
  if (header_.has_mode())
    return ChangeCloudMode(files_, header_.path(), header_.mode(), std::move(answer));
  StatCloudFile(files_, header_.path(), std::move(answer));
}

void CloudUpload::Answer(absl::StatusOr<v1::FileEntry> entry) {
  const auto self = shared_from_this();
  call_.reset();
  files_.cloud->loop().CancelTimer(std::exchange(answer_timer_, 0));
  use_.End();
  auto reply = std::exchange(reply_, nullptr);
  if (!reply) return;
  {
    // Who waits for room hears that there is nothing to wait for.
    MutexLock lock(&mu_);
    closed_ = true;
    waiting_.clear();
    charge_.Clear();
  }
  if (!entry.ok()) return reply(entry.status());
  v1::WriteFileResponse response;
  *response.mutable_entry() = *std::move(entry);
  response.set_size_bytes(size_);
  response.set_sha256(sha256_);
  reply(std::move(response));
}

}  // namespace warren
