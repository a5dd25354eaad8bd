#include "supervisor/api/execution_stream.h"

#include "supervisor/api/message.h"
#include "supervisor/api/status.h"

namespace warren {

ExecutionStream::ExecutionStream(grpc::CallbackServerContext* context, MemoryBudget& memory)
    : context_(context), queue_(std::make_shared<EventQueue>(&memory, [this] { WriteNext(); })) {}

void ExecutionStream::WriteNext() {
  auto item = queue_->Take();
  if (!item) return;
  absl::Status status = item->status;
  if (status.ok()) status = Serialize(item->event, message_);
  if (!status.ok()) return Finish(ToGrpc(*context_, status));
  if (item->last) {
    return StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
  }
  // What is followed by more at once need not be a packet of its own.
  StartWrite(&message_, item->more ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
}

void ExecutionStream::OnDone() {
  queue_->Close();
  delete this;
}

}  // namespace warren
