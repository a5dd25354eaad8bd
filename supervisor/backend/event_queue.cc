#include "supervisor/backend/event_queue.h"

#include <utility>

namespace warren {

using warren::v1::ExecutionEvent;

namespace {

constexpr size_t kFloodBytes = 32 << 10;

}  // namespace

bool EventQueue::JoinTail(ExecutionEvent::Output::Stream stream, absl::string_view data,
                          OutputStamp stamp) {
  ExecutionEvent* last = tail();
  if (last == nullptr || !last->has_output() || last->output().stream() != stream ||
      last->output().data().size() + data.size() > kChunkBytes) {
    return false;
  }
  last->mutable_output()->mutable_data()->append(data.data(), data.size());
  // The time of the first part, the place of the last.
  last->set_sequence(stamp.sequence);
  Count(static_cast<int64_t>(data.size()));
  return true;
}

Flow EventQueue::PushOutput(ExecutionEvent::Output::Stream stream, absl::string_view data,
                            OutputStamp stamp) {
  Tell tell = Tell::kNo;
  Flow result;
  {
    MutexLock lock(&mu_);
    if (!JoinTail(stream, data, stamp)) {
      ExecutionEvent event;
      event.set_time_unix_nanos(stamp.time_unix_nanos);
      event.set_sequence(stamp.sequence);
      auto* output = event.mutable_output();
      output->set_stream(stream);
      // Large pieces come in numbers: growing step by step would copy them again and again.
      if (data.size() >= kFloodBytes) output->mutable_data()->reserve(kChunkBytes);
      output->mutable_data()->append(data.data(), data.size());
      tell = Enqueue(std::move(event));
    }
    result = flow();
  }
  Notify(tell);
  return result;
}

}  // namespace warren
