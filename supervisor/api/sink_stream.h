#ifndef WARREN_SUPERVISOR_API_SINK_STREAM_H_
#define WARREN_SUPERVISOR_API_SINK_STREAM_H_

#include <memory>
#include <utility>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/api/call.h"
#include "supervisor/api/callers.h"
#include "supervisor/api/message.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/api/status.h"

namespace warren {

// Carries what comes into a queue (SinkQueue) to its client, one write at a time. The client's
// disappearance cancels the operation, whose end still comes through here: so the reactor always
// sees the last event, and deletes itself behind it.
template <class Queue>
class SinkStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // One of `streams`, which outlive it.
  SinkStream(grpc::CallbackServerContext* context, OpenStreams& streams)
      : open_(streams),
        context_(context),
        queue_(std::make_shared<Queue>(&streams.memory(), [this] { WriteNext(); })) {}

  // The sink, which outlives this; to be attached to the operation, or ended with a status.
  const std::shared_ptr<Queue>& queue() const { return queue_; }

  // A write that failed means that the client is gone: OnCancel sees to the operation, and the rest
  // is written into the void.
  void OnWriteDone(bool) override { WriteNext(); }
  void OnSendInitialMetadataDone(bool) override { WriteNext(); }
  void OnCancel() override { queue_->Disconnect(); }
  void OnDone() override {
    queue_->Close();
    delete this;
  }

 private:
  // Called when something is there and no write is under way. Touches nothing of `this` after the
  // last write.
  void WriteNext() {
    auto item = queue_->Take();
    if (!item) return;
    if (item->begun) return StartSendInitialMetadata();
    if (item->ended) return Finish(ToGrpc(*context_, item->status));
    if (absl::Status status = Serialize(item->event, message_); !status.ok())
      return Finish(ToGrpc(*context_, status));
    if (item->last) {
      return StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
    }
    // What is followed by more at once need not be a packet of its own.
    StartWrite(&message_,
               item->more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  // The last to go.
  const OpenStreams::Stream open_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<Queue> queue_;
  grpc::ByteBuffer message_;
};

// Asks who calls, parses the request and streams what `start(call, request, queue)` sees to: it
// attaches an operation to the queue, or ends it.
template <class Queue, class Request, class Start>
grpc::ServerWriteReactor<grpc::ByteBuffer>* Stream(const Callers& callers, OpenStreams& streams,
                                                   grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* bytes, Start start) {
  auto* stream = new SinkStream<Queue>(context, streams);
  // The queue, not the stream: that may have gone with the last event before `start` is done.
  std::shared_ptr<Queue> queue = stream->queue();
  Request request;
  absl::StatusOr<Call> call = callers.MakeCall(*context);
  if (!call.ok()) {
    queue->End(call.status());
  } else if (absl::Status valid = Parse(*bytes, request); !valid.ok()) {
    queue->End(valid);
  } else {
    start(*std::move(call), std::move(request), std::move(queue));
  }
  return stream;
}

// The same for a request to a sandbox: streams what `method(handle, call, request, sink)` starts.
template <class Queue, class Request, class Method>
grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamOnSandbox(const Callers& callers,
                                                            Backend& backend, OpenStreams& streams,
                                                            grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* bytes,
                                                            Method method) {
  return Stream<Queue, Request>(
      callers, streams, context, bytes,
      [&](Call call, Request request, std::shared_ptr<Queue> queue) {
        OpenSandbox(backend, std::move(call), std::move(request),
                    [method, queue = std::move(queue)](
                        absl::StatusOr<std::shared_ptr<SandboxHandle>> handle, const Call& opened,
                        Request what) {
                      if (!handle.ok()) return queue->End(handle.status());
                      queue->Attach(method(**handle, opened, std::move(what), queue));
                    });
      });
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_SINK_STREAM_H_
