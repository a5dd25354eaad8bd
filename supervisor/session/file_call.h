#ifndef WARREN_SUPERVISOR_SESSION_FILE_CALL_H_
#define WARREN_SUPERVISOR_SESSION_FILE_CALL_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/agent_link.h"
#include "supervisor/session/file_status.h"
#include "supervisor/session/sandbox.h"
#include "warren/internal/agent.pb.h"
#include "warren/v1/file.pb.h"

namespace warren {

// One call for a sandbox's files, as a stream of its agent, which is started where there is none.
// Lifecycle: constructor → Start → Done, once, whatever happens. IO thread.
class FileCall : public AgentStreamListener, public std::enable_shared_from_this<FileCall> {
 public:
  FileCall(std::shared_ptr<Sandbox> sandbox, FileSubject subject)
      : sandbox_(std::move(sandbox)), use_(sandbox_->Use()), subject_(std::move(subject)) {}

  void Start(internal::FileCall call);
  // It still ends, as cancelled.
  void Cancel();
  // The client has room again.
  virtual void Resume() {}

  // ---- AgentStreamListener. What an agent says that it was not asked for is dropped.
  void OnData(internal::StreamData&) override {}
  void OnEntry(internal::StreamEntry&) override {}
  void OnWatchEvent(internal::StreamWatchEvent&) override {}
  void OnCredit(uint32_t) override {}
  void OnEnd(internal::StreamEnd& end) override;
  void OnAgentGone(const absl::Status& why) override { Finish(why, nullptr); }

 protected:
  // The agent has been asked.
  virtual void OnOpened() {}
  // `end` where the agent said it; OK has one always.
  virtual void Done(absl::Status status, internal::StreamEnd* end) = 0;

  // Gives the agent up, and ends with this.
  void Fail(absl::Status status);
  bool done() const { return done_; }
  // 0 until it is opened.
  uint64_t stream_id() const { return stream_id_; }
  AgentLink& link() { return *link_; }

 private:
  void Open(const absl::Status& agent);
  void Finish(absl::Status status, internal::StreamEnd* end);

  // Until it is done.
  std::shared_ptr<Sandbox> sandbox_;
  // Until then, or its client has cancelled it.
  SandboxUse use_;
  const FileSubject subject_;
  internal::FileCall call_;
  std::shared_ptr<AgentLink> link_;
  uint64_t stream_id_ = 0;
  bool cancelled_ = false;
  bool done_ = false;
};

// A call that is answered once, by its end.
class FileQuestion final : public FileCall {
 public:
  using Answer = absl::AnyInvocable<void(absl::StatusOr<internal::FileFacts>)>;
  FileQuestion(std::shared_ptr<Sandbox> sandbox, FileSubject subject, Answer answer)
      : FileCall(std::move(sandbox), std::move(subject)), answer_(std::move(answer)) {}

 private:
  void Done(absl::Status status, internal::StreamEnd* end) override;
  Answer answer_;
};

// A call that sends something: its client's pace is the agent's credit.
template <class Event>
class FileStreamCall : public FileCall {
 public:
  FileStreamCall(std::shared_ptr<Sandbox> sandbox, FileSubject subject,
                 std::shared_ptr<Sink<Event>> sink)
      : FileCall(std::move(sandbox), std::move(subject)), sink_(std::move(sink)) {}

  void Resume() override {
    paused_ = false;
    GiveCredit();
  }

 protected:
  // `bytes`: as the agent counts it.
  void Push(Event event, size_t bytes) {
    taken_ += static_cast<uint32_t>(bytes);
    if (sink_->Push(std::move(event)) == Flow::kPause) paused_ = true;
    GiveCredit();
  }
  void Done(absl::Status status, internal::StreamEnd*) override {
    std::exchange(sink_, nullptr)->End(std::move(status));
  }
  Sink<Event>& sink() { return *sink_; }

 private:
  void GiveCredit() {
    // In large pieces: the rest of the window goes on meanwhile.
    if (paused_ || done() || taken_ < kStreamWindow / 4) return;
    link().GiveCredit(stream_id(), std::exchange(taken_, 0));
  }

  std::shared_ptr<Sink<Event>> sink_;
  bool paused_ = false;
  // By the client, and not given as credit yet.
  uint32_t taken_ = 0;
};

class FileDownload final : public FileStreamCall<warren::v1::ReadFileResponse> {
 public:
  using FileStreamCall::FileStreamCall;
  void OnData(internal::StreamData& data) override;
  void OnEntry(internal::StreamEntry& entry) override;

 private:
  void Done(absl::Status status, internal::StreamEnd* end) override;
};

class DirectoryListing final : public FileStreamCall<warren::v1::FileEntry> {
 public:
  using FileStreamCall::FileStreamCall;
  void OnEntry(internal::StreamEntry& entry) override;
};

class DirectoryWatch final : public FileStreamCall<warren::v1::FileEvent> {
 public:
  using FileStreamCall::FileStreamCall;
  void OnWatchEvent(internal::StreamWatchEvent& event) override;
};

// As the client gets it.
warren::v1::FileEntry ToFileEntry(internal::FileFacts facts);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_FILE_CALL_H_
