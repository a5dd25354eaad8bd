#include "supervisor/api/upload_stream.h"

#include <utility>

#include "supervisor/api/call.h"
#include "supervisor/api/message.h"
#include "supervisor/api/status.h"
#include "supervisor/backend/validate_file.h"

namespace warren {

namespace {

absl::Status NoHeader() {
  return absl::InvalidArgumentError("header is missing: the first message has it, and no other");
}

}  // namespace

void UploadStream::Start() {
  absl::StatusOr<Call> call = callers_.MakeCall(*context_);
  if (!call.ok()) return Answer(call.status());
  call_ = *std::move(call);
  StartRead(&message_);
}

void UploadStream::OnReadDone(bool ok) {
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(&mu_);
    if (answered_) return;
    upload = upload_;
  }
  if (!ok && upload == nullptr) return Answer(NoHeader());
  // The client is gone, or has left out what tells that it is not.
  if (!ok) {
    return Refuse(absl::InvalidArgumentError(
        "end is missing: the last message has it, and without it nothing is written"));
  }
  v1::WriteFileRequest request;
  if (absl::Status valid = Parse(message_, request); !valid.ok()) return Refuse(std::move(valid));
  if (upload == nullptr) return OnHeader(request);
  OnMore(std::move(request), *upload);
}

void UploadStream::OnHeader(const v1::WriteFileRequest& request) {
  if (!request.has_header()) return Answer(NoHeader());
  // Nothing is read meanwhile, and nothing answered, so nothing ends this.
  OpenSandbox(
      backend_, call_, request.header(),
      [this](const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle, const Call& call,
             const v1::WriteFileRequest::Header& header) { OnOpened(handle, call, header); });
}

void UploadStream::OnOpened(const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle,
                            const Call& call, const v1::WriteFileRequest::Header& header) {
  if (!handle.ok()) return Answer(handle.status());
  std::shared_ptr<Upload> upload = (*handle)->WriteFile(
      call, header, [this] { OnRoom(); },
      [this](absl::StatusOr<v1::WriteFileResponse> answer) { OnAnswer(std::move(answer)); });
  {
    MutexLock lock(&mu_);
    upload_ = upload;
  }
  StartRead(&message_);
  std::optional<absl::StatusOr<v1::WriteFileResponse>> early;
  bool cancel;
  {
    MutexLock lock(&mu_);
    opening_ = false;
    early = std::move(early_answer_);
    cancel = cancelled_;
  }
  // The answer may have come and ended this by now, unless it waits here.
  if (early) {
    Answer(*early);
  } else if (cancel) {
    upload->Cancel();
  }
}

void UploadStream::OnMore(v1::WriteFileRequest request, Upload& upload) {
  if (request.has_end()) return upload.Close();
  if (!request.has_data()) return Refuse(NoHeader());
  if (absl::Status valid = ValidateFileData(request.data()); !valid.ok())
    return Refuse(std::move(valid));
  if (upload.Write(std::move(*request.mutable_data())) == Flow::kPause) {
    MutexLock lock(&mu_);
    if (!std::exchange(room_, false)) {
      paused_ = true;
      return;
    }
  }
  StartRead(&message_);
}

void UploadStream::OnRoom() {
  {
    MutexLock lock(&mu_);
    if (!std::exchange(paused_, false)) {
      room_ = true;
      return;
    }
  }
  StartRead(&message_);
}

void UploadStream::Refuse(absl::Status why) {
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(&mu_);
    refused_ = why;
    upload = upload_;
  }
  if (upload == nullptr) return Answer(why);
  upload->Cancel();
}

void UploadStream::OnCancel() {
  std::shared_ptr<Upload> upload;
  {
    MutexLock lock(&mu_);
    cancelled_ = true;
    upload = upload_;
  }
  if (upload != nullptr) upload->Cancel();
}

void UploadStream::OnAnswer(absl::StatusOr<v1::WriteFileResponse> answer) {
  {
    MutexLock lock(&mu_);
    if (opening_) {
      early_answer_ = std::move(answer);
      return;
    }
  }
  Answer(answer);
}

void UploadStream::Answer(const absl::StatusOr<v1::WriteFileResponse>& answer) {
  absl::Status status;
  {
    MutexLock lock(&mu_);
    if (std::exchange(answered_, true)) return;
    status = refused_.ok() ? answer.status() : refused_;
  }
  if (status.ok()) status = Serialize(*answer, *response_);
  Finish(ToGrpc(*context_, status));
}

}  // namespace warren
