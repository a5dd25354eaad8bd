#ifndef WARREN_SUPERVISOR_E2B_ENVD_ENVD_STREAM_H_
#define WARREN_SUPERVISOR_E2B_ENVD_ENVD_STREAM_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/connect_frames.h"

namespace warren {

// How a stream of envd's ended.
struct EnvdStreamEnd {
  enum class How {
    // By the sandbox's own word, which the status is.
    kTold,
    // It was refused before it began: nothing was done.
    kRefused,
    // Not a byte of its request was sent: nothing was done.
    kNotSent,
    // It broke, or made no sense: what it would have told is not known.
    kBroke,
    // The backend goes.
    kStopped,
  };
  How how;
  absl::Status status;
};

// Takes what a stream says, on the loop's thread: OnMessage*, then OnStreamEnd once, but for a
// stream that was stopped.
class EnvdStreamListener {
 public:
  virtual ~EnvdStreamListener() = default;
  // A message's JSON. kPause: nothing comes until Resume, but for what came with it. A status: what
  // came makes no sense, and the stream ends with it as kBroke.
  virtual absl::StatusOr<Flow> OnMessage(absl::string_view json) = 0;
  virtual void OnStreamEnd(EnvdStreamEnd end) = 0;
};

// A call of envd's that answers with a stream. It keeps its listener until its end, and the HTTP
// client keeps it: so its listener holds it weakly.
//
// Of the loop's thread. Lifecycle: Start → Resume* → its end, or Stop.
class EnvdStream final : public HttpSink, public std::enable_shared_from_this<EnvdStream> {
 public:
  struct Spec {
    // "/process.Process/Start".
    const char* path;
    std::string user;
    // The life of what is started; zero: without end.
    std::chrono::milliseconds timeout{0};
    // What it must have ended in, as kBroke, whatever the sandbox does; zero: as long as it takes.
    std::chrono::milliseconds bound{0};
  };
  // The listener may be told its end from within.
  static std::shared_ptr<EnvdStream> Start(std::shared_ptr<Cloud> cloud,
                                           const CloudSandbox& sandbox, const Spec& spec,
                                           const google::protobuf::Message& request,
                                           std::shared_ptr<EnvdStreamListener> listener);
  EnvdStream(std::shared_ptr<Cloud> cloud, std::shared_ptr<EnvdStreamListener> listener);
  ~EnvdStream() override;

  void Resume();
  // Closes it: nothing comes any more.
  void Stop();

  void OnHead(const HttpHead& head) override;
  Flow OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status, bool sent) override;

 private:
  absl::Status OnFrame(const CloudFrame& frame);
  void End(EnvdStreamEnd::How how, absl::Status status);

  const std::shared_ptr<Cloud> cloud_;
  // Null at its end.
  std::shared_ptr<EnvdStreamListener> listener_;
  std::unique_ptr<HttpCall> call_;
  HttpHead head_;
  // Of an answer that is no stream.
  std::string refusal_;
  CloudFrameReader frames_;
  Flow flow_ = Flow::kContinue;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_ENVD_STREAM_H_
