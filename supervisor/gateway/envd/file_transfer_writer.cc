#include "supervisor/gateway/envd/file_transfer_writer.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "runtime/base/mutex.h"
#include "supervisor/gateway/envd/filesystem_stream.h"

namespace warren {

// What the backend says of an upload, on whichever thread.
class SandboxFileWriter::Progress {
 public:
  explicit Progress(std::shared_ptr<Signal> signal) : waker_(std::move(signal)) {}

  void OnRoom() {
    {
      MutexLock lock(&mu_);
      room_ = true;
    }
    waker_.Notify();
  }
  void OnAnswer(absl::StatusOr<v1::WriteFileResponse> answer) {
    {
      MutexLock lock(&mu_);
      answer_ = std::move(answer);
    }
    waker_.Notify();
  }

  // Before a write: room that is told from here on is told of it.
  void AwaitRoom() {
    MutexLock lock(&mu_);
    room_ = false;
  }
  bool room() {
    MutexLock lock(&mu_);
    return room_;
  }
  bool answered() {
    MutexLock lock(&mu_);
    return answer_.has_value();
  }
  absl::StatusOr<v1::WriteFileResponse> TakeAnswer() {
    MutexLock lock(&mu_);
    return *std::move(answer_);
  }
  void Stop() { waker_.Stop(); }

 private:
  Waker waker_;
  Mutex mu_;
  bool room_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::StatusOr<v1::WriteFileResponse>> answer_ ABSL_GUARDED_BY(mu_);
};

SandboxFileWriter::SandboxFileWriter(Exchange& exchange, SandboxHandle& handle,
                                     const v1::WriteFileRequest::Header& header)
    : exchange_(exchange),
      progress_(std::make_shared<Progress>(exchange.signal())),
      upload_(handle.WriteFile(
          Call(), header, [progress = progress_] { progress->OnRoom(); },
          [progress = progress_](absl::StatusOr<v1::WriteFileResponse> answer) {
            progress->OnAnswer(std::move(answer));
          })) {}

SandboxFileWriter::~SandboxFileWriter() {
  progress_->Stop();
  if (!progress_->answered()) upload_->Cancel();
}

Async<bool> SandboxFileWriter::Write(std::string data) {
  if (progress_->answered()) co_return false;
  progress_->AwaitRoom();
  if (upload_->Write(std::move(data)) == Flow::kPause) {
    exchange_.WatchClient();
    while (!progress_->room() && !progress_->answered() && !exchange_.client_gone())
      co_await exchange_.signal()->WaitUntil(SteadyTime::max());
    exchange_.UnwatchClient();
  }
  co_return !progress_->answered() && !exchange_.client_gone();
}

Async<absl::StatusOr<v1::WriteFileResponse>> SandboxFileWriter::Finish() {
  if (exchange_.client_gone()) co_return absl::CancelledError("the client has gone");
  if (!progress_->answered()) upload_->Close();
  // The whole file is with the backend: it comes to be, whoever still waits to hear so.
  while (!progress_->answered()) co_await exchange_.signal()->WaitUntil(SteadyTime::max());
  co_return progress_->TakeAnswer();
}

}  // namespace warren
