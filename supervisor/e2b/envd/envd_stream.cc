#include "supervisor/e2b/envd/envd_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/envd/connect_call.h"

namespace warren {
namespace {

// What is asked for, and what is given up after three of them without a word. docs/TIMING.md.
constexpr int kKeepaliveSeconds = 50;
constexpr std::chrono::seconds kStreamSilence{150};
constexpr size_t kMaxStreamRefusal = 64 << 10;

HttpRequest StreamRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                          const EnvdStream::Spec& spec, const google::protobuf::Message& message) {
  HttpRequest request = EnvdRequest(options, sandbox, "POST", spec.path, spec.user);
  request.headers.emplace_back("Content-Type", "application/connect+json");
  request.headers.emplace_back("Connect-Protocol-Version", "1");
  request.headers.emplace_back("Keepalive-Ping-Interval", absl::StrCat(kKeepaliveSeconds));
  if (spec.timeout.count() > 0)
    request.headers.emplace_back("Connect-Timeout-Ms", absl::StrCat(spec.timeout.count()));
  request.body = MakeCloudFrame(ToEnvdJson(message));
  request.lane = HttpLane::kStream;
  request.timeout = spec.bound;
  request.stall = options.Paced(kStreamSilence);
  return request;
}

}  // namespace

EnvdStream::EnvdStream(std::shared_ptr<Cloud> cloud, std::shared_ptr<EnvdStreamListener> listener)
    : cloud_(std::move(cloud)), listener_(std::move(listener)), frames_(&cloud_->memory()) {}

EnvdStream::~EnvdStream() {
  End(EnvdStreamEnd::How::kStopped, absl::UnavailableError("the backend is being shut down"));
}

std::shared_ptr<EnvdStream> EnvdStream::Start(std::shared_ptr<Cloud> cloud,
                                              const CloudSandbox& sandbox, const Spec& spec,
                                              const google::protobuf::Message& request,
                                              std::shared_ptr<EnvdStreamListener> listener) {
  auto stream = std::make_shared<EnvdStream>(cloud, std::move(listener));
  auto call = cloud->http().Start(StreamRequest(cloud->options(), sandbox, spec, request), stream);
  // It may have ended in place.
  if (stream->listener_ != nullptr) stream->call_ = std::move(call);
  return stream;
}

void EnvdStream::Resume() {
  flow_ = Flow::kContinue;
  if (call_ != nullptr) call_->Resume();
}

void EnvdStream::Stop() {
  const auto self = shared_from_this();
  listener_.reset();
  call_.reset();
}

void EnvdStream::OnHead(const HttpHead& head) { head_ = head; }

Flow EnvdStream::OnBytes(absl::string_view bytes) {
  if (listener_ == nullptr) return Flow::kContinue;
  const auto self = shared_from_this();
  if (head_.status != 200) {
    refusal_.append(bytes.data(), std::min(bytes.size(), kMaxStreamRefusal - refusal_.size()));
    return Flow::kContinue;
  }
  absl::Status status =
      frames_.Add(bytes, [this](const CloudFrame& frame) { return OnFrame(frame); });
  if (!status.ok()) End(EnvdStreamEnd::How::kBroke, std::move(status));
  return listener_ == nullptr ? Flow::kContinue : flow_;
}

absl::Status EnvdStream::OnFrame(const CloudFrame& frame) {
  if (listener_ == nullptr) return absl::OkStatus();
  if (frame.is_end) {
    cloud_->LetEnd(std::move(call_));
    End(EnvdStreamEnd::How::kTold, ConnectEndStatus(frame.payload));
    return absl::OkStatus();
  }
  const auto listener = listener_;
  const absl::StatusOr<Flow> flow = listener->OnMessage(frame.payload);
  if (!flow.ok()) return flow.status();
  flow_ = *flow;
  return absl::OkStatus();
}

void EnvdStream::OnEnd(absl::Status status, bool sent) {
  if (status.ok() && head_.status != 200) {
    status = ConnectStatus(HttpAnswer{head_, std::move(refusal_)});
    if (status.ok()) status = absl::InternalError("the sandbox's answer is no stream");
    // What stands between here and the sandbox may have passed it on before it failed.
    return End(head_.status < 500 ? EnvdStreamEnd::How::kRefused : EnvdStreamEnd::How::kBroke,
               std::move(status));
  }
  if (status.ok()) status = absl::UnavailableError("the sandbox's stream was cut off");
  End(sent ? EnvdStreamEnd::How::kBroke : EnvdStreamEnd::How::kNotSent, std::move(status));
}

void EnvdStream::End(EnvdStreamEnd::How how, absl::Status status) {
  if (listener_ == nullptr) return;
  const auto listener = std::exchange(listener_, nullptr);
  call_.reset();
  listener->OnStreamEnd({how, std::move(status)});
}

}  // namespace warren
