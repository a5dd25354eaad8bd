#include "supervisor/e2b/envd/cloud_watch.h"

#include <utility>

#include "supervisor/e2b/envd/connect_call.h"

namespace warren {

CloudWatch::~CloudWatch() {
  // Nothing that it waited for is there any more.
  if (sink_ != nullptr) sink_->End(absl::UnavailableError("the backend is being shut down"));
}

void CloudWatch::Start() {
  if (sink_ == nullptr) return;
  e2b::WatchDirRequest watch;
  watch.set_path(request_.path());
  watch.set_recursive(request_.recursive());
  const EnvdStream::Spec spec{"/filesystem.Filesystem/WatchDir", files_.user};
  auto stream = EnvdStream::Start(files_.cloud, *files_.sandbox, spec, watch, shared_from_this());
  if (sink_ != nullptr) stream_ = stream;
}

void CloudWatch::Resume() {
  if (auto stream = stream_.lock()) stream->Resume();
}

void CloudWatch::Cancel() {
  if (auto stream = stream_.lock()) stream->Stop();
  End(absl::CancelledError("the client has gone"));
}

absl::StatusOr<Flow> CloudWatch::OnMessage(absl::string_view json) {
  if (sink_ == nullptr) return Flow::kContinue;
  e2b::WatchDirResponse message;
  if (absl::Status status = FromEnvdJson(json, message); !status.ok()) return status;
  v1::FileEvent event;
  if (message.has_start()) {
    event.set_kind(v1::FileEvent::WATCHING);
    event.set_path(request_.path());
  } else if (message.has_filesystem()) {
    event = ToFileEvent(message.filesystem(), request_.path());
  } else {
    return Flow::kContinue;
  }
  return sink_->Push(std::move(event));
}

void CloudWatch::OnStreamEnd(EnvdStreamEnd end) {
  stream_.reset();
  if (sink_ == nullptr || end.status.ok()) return End(std::move(end.status));
  if (end.how == EnvdStreamEnd::How::kStopped) return End(std::move(end.status));
  files_.cloud->Explain(
      files_.sandbox, std::move(end.status),
      [self = shared_from_this()](absl::Status told) { self->End(std::move(told)); });
}

void CloudWatch::End(absl::Status status) {
  use_.End();
  if (auto sink = std::exchange(sink_, nullptr)) sink->End(std::move(status));
}

}  // namespace warren
