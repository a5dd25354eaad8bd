#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_STREAM_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_STREAM_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/sink_queue.h"
#include "supervisor/remote/remote_call.h"

namespace warren {

// The stream of one operation of another Warren's: reads as long as the sink has room, so that a
// slow client of ours holds the remote one up as it would one here. What kind of stream it is,
// SinkQueueTraits say.
//
// Lifecycle: Begin → events to the sink → its End; then it lives as long as its operation.
// Thread-safe.
template <class Event>
class RemoteStream final : public grpc::ClientReadReactor<Event>,
                           public std::enable_shared_from_this<RemoteStream<Event>> {
 public:
  RemoteStream(std::shared_ptr<const RemoteStubs> stubs, std::shared_ptr<Sink<Event>> sink)
      : stubs_(std::move(stubs)), sink_(std::move(sink)) {}

  // `start(context, reactor)` is the stub's call of the method, with its request.
  template <class Start>
  void Begin(const Call& call, Start start) {
    self_ = this->shared_from_this();
    Prepare(context_, *stubs_, call);
    start(&context_, this);
    // Until the stream has ended: reads after a pause begin outside of what gRPC calls.
    this->AddHold();
    this->StartRead(&event_);
    this->StartCall();
  }

  void Resume() {
    {
      MutexLock lock(&mu_);
      if (!std::exchange(paused_, false)) {
        resumed_ = true;
        return;
      }
    }
    this->StartRead(&event_);
  }
  // The remote one does what is to be done when it notices that its client is gone.
  void Cancel() { Leave(Leaving::kCancelled); }
  // The same, and nothing comes to the sink any more.
  void Detach() { Leave(Leaving::kDetached); }

  void OnReadDone(bool ok) override {
    if (!ok) return this->RemoveHold();
    finished_ = finished_ || SinkQueueTraits<Event>::IsLast(event_);
    Stamp(stubs_->name, event_);
    bool drop;
    {
      MutexLock lock(&mu_);
      drop = leaving_ != Leaving::kNot;
    }
    const Flow flow = drop ? Flow::kContinue : sink_->Push(std::exchange(event_, {}));
    if (flow == Flow::kPause) {
      MutexLock lock(&mu_);
      if (!std::exchange(resumed_, false) && leaving_ == Leaving::kNot) {
        paused_ = true;
        return;
      }
    }
    this->StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override {
    // Released behind the End.
    auto self = std::exchange(self_, nullptr);
    absl::Status end = FromGrpc(*stubs_, context_, status);
    if (finished_) {
      end = absl::OkStatus();
    } else if (end.ok()) {
      end = SinkQueueTraits<Event>::EndOf();
    }
    auto sink = std::exchange(sink_, nullptr);
    {
      MutexLock lock(&mu_);
      if (leaving_ == Leaving::kDetached) return;
    }
    sink->End(std::move(end));
  }

 private:
  enum class Leaving { kNot, kCancelled, kDetached };

  void Leave(Leaving how) {
    bool paused;
    {
      MutexLock lock(&mu_);
      leaving_ = how;
      paused = std::exchange(paused_, false);
    }
    // Behind that: its end may come at once.
    context_.TryCancel();
    if (!paused) return;
    // Nobody resumes what was left, and only a read comes to the end.
    this->StartRead(&event_);
  }

  const std::shared_ptr<const RemoteStubs> stubs_;
  grpc::ClientContext context_;
  Event event_;
  // Gone after its End: it may own the operation, which owns this.
  std::shared_ptr<Sink<Event>> sink_;
  bool finished_ = false;
  // While gRPC uses it.
  std::shared_ptr<RemoteStream> self_;

  Mutex mu_;
  // No read is under way: the sink is full.
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  // Resumed before the pause began.
  bool resumed_ ABSL_GUARDED_BY(mu_) = false;
  // What comes is dropped, and nothing pauses any more.
  Leaving leaving_ ABSL_GUARDED_BY(mu_) = Leaving::kNot;
};

// Whether what goes on there lives on when its client goes.
enum class RemoteLife { kEndsWithClient, kGoesOn };

template <class Event>
class RemoteOperation final : public Operation {
 public:
  RemoteOperation(std::shared_ptr<RemoteStream<Event>> stream, RemoteLife life)
      : stream_(std::move(stream)), life_(life) {}
  void Resume() override { stream_->Resume(); }
  void Cancel() override { stream_->Cancel(); }
  absl::Status Detach() override {
    if (life_ == RemoteLife::kEndsWithClient) {
      return absl::UnimplementedError(
          "leaving what runs at the remote Warren, where its request did not say so beforehand: "
          "set on_disconnect to CONTINUE");
    }
    stream_->Detach();
    return absl::OkStatus();
  }
  Departure Disconnect() override {
    if (Detach().ok()) return Departure::kGoesOn;
    Cancel();
    return Departure::kEnds;
  }

 private:
  const std::shared_ptr<RemoteStream<Event>> stream_;
  const RemoteLife life_;
};

// Begins a stream with `start(context, reactor)`.
template <class Event, class Start>
std::unique_ptr<Operation> StartStream(std::shared_ptr<const RemoteStubs> stubs, const Call& call,
                                       std::shared_ptr<Sink<Event>> sink, RemoteLife life,
                                       Start start) {
  auto stream = std::make_shared<RemoteStream<Event>>(std::move(stubs), std::move(sink));
  stream->Begin(call, start);
  return std::make_unique<RemoteOperation<Event>>(std::move(stream), life);
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_STREAM_H_
