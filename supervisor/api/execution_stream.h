#ifndef WARREN_SUPERVISOR_API_EXECUTION_STREAM_H_
#define WARREN_SUPERVISOR_API_EXECUTION_STREAM_H_

#include <memory>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/backend/event_queue.h"

namespace warren {

// Carries the events of one execution to its client, one write at a time. The client's
// disappearance cancels the execution, whose end still comes through here: so the reactor always
// sees the last event, and deletes itself behind it.
class ExecutionStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  // What the client has not read yet is charged to `memory`.
  ExecutionStream(grpc::CallbackServerContext* context, MemoryBudget& memory);

  // The sink, which outlives this; to be attached to the operation, or ended with a status.
  const std::shared_ptr<EventQueue>& queue() const { return queue_; }

  // A write that failed means that the client is gone: OnCancel sees to the execution, and the rest
  // is written into the void.
  void OnWriteDone(bool) override { WriteNext(); }
  void OnCancel() override { queue_->Cancel(); }
  void OnDone() override;

 private:
  // Called when something is there and no write is under way. Touches nothing of `this` after the
  // last write.
  void WriteNext();

  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<EventQueue> queue_;
  grpc::ByteBuffer message_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_EXECUTION_STREAM_H_
