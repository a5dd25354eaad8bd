#include "supervisor/backend/event_queue.h"

namespace warren {

using warren::v1::ExecutionEvent;

namespace {

constexpr size_t kFloodBytes = 32 << 10;

}  // namespace

size_t EventQueue::CostOf(const Item& item) {
  const auto& event = item.event;
  return kEventBytes + (event.has_output() ? event.output().data().size() : event.ByteSizeLong());
}

EventQueue::Tell EventQueue::Enqueue(Item item) {
  if (ended_ || closed_) return Tell::kNo;
  ended_ = item.last;
  bytes_ += CostOf(item);
  items_.push_back(std::move(item));
  if (bytes_ >= kHighWaterBytes) full_ = true;
  return std::exchange(reading_, true) ? Tell::kNo : Tell::kYes;
}

bool EventQueue::JoinTail(ExecutionEvent::Output::Stream stream, absl::string_view data,
                          OutputStamp stamp) {
  if (items_.empty() || ended_) return false;
  ExecutionEvent& tail = items_.back().event;
  if (!tail.has_output() || tail.output().stream() != stream ||
      tail.output().data().size() + data.size() > kChunkBytes) {
    return false;
  }
  tail.mutable_output()->mutable_data()->append(data.data(), data.size());
  // The time of the first part, the place of the last.
  tail.set_sequence(stamp.sequence);
  bytes_ += data.size();
  if (bytes_ >= kHighWaterBytes) full_ = true;
  return true;
}

Flow EventQueue::PushOutput(ExecutionEvent::Output::Stream stream, absl::string_view data,
                            OutputStamp stamp) {
  Tell tell = Tell::kNo;
  Flow result;
  {
    MutexLock lock(&mu_);
    if (!JoinTail(stream, data, stamp)) {
      Item item;
      item.event.set_time_unix_nanos(stamp.time_unix_nanos);
      item.event.set_sequence(stamp.sequence);
      auto* output = item.event.mutable_output();
      output->set_stream(stream);
      // Large pieces come in numbers: growing step by step would copy them again and again.
      if (data.size() >= kFloodBytes) output->mutable_data()->reserve(kChunkBytes);
      output->mutable_data()->append(data.data(), data.size());
      tell = Enqueue(std::move(item));
    }
    result = flow();
  }
  Notify(tell);
  return result;
}

Flow EventQueue::Push(ExecutionEvent event) {
  Tell tell;
  Flow result;
  {
    MutexLock lock(&mu_);
    Item item;
    item.last = event.has_finished();
    item.event = std::move(event);
    tell = Enqueue(std::move(item));
    result = flow();
  }
  Notify(tell);
  return result;
}

void EventQueue::End(absl::Status status) {
  Tell tell;
  {
    MutexLock lock(&mu_);
    Item item;
    item.status = std::move(status);
    // An execution that says OK without Finished has lost its end on the way.
    if (item.status.ok() && !ended_) {
      item.status = absl::InternalError("the execution ended without saying how");
    }
    item.last = true;
    tell = Enqueue(std::move(item));
  }
  Notify(tell);
}

void EventQueue::Attach(std::unique_ptr<Operation> operation) {
  // It is called while it is still our own: from the moment that it is stored the reader may call
  // it, and take it away.
  for (;;) {
    bool cancel;
    bool resume;
    {
      MutexLock lock(&mu_);
      cancel = std::exchange(cancel_, false);
      resume = std::exchange(resume_, false);
      if (!cancel && !resume) {
        if (!closed_) operation_ = std::move(operation);
        break;
      }
    }
    if (cancel) operation->Cancel();
    if (resume) operation->Resume();
  }
}

std::optional<EventQueue::Item> EventQueue::Take() {
  std::optional<Item> item;
  Operation* resume = nullptr;
  {
    MutexLock lock(&mu_);
    if (items_.empty()) {
      reading_ = false;
      return std::nullopt;
    }
    item = std::move(items_.front());
    items_.pop_front();
    item->more = !items_.empty();
    bytes_ -= CostOf(*item);
    if (full_ && bytes_ <= kLowWaterBytes) {
      full_ = false;
      resume = operation_.get();
      resume_ = resume == nullptr;
    }
  }
  if (resume != nullptr) resume->Resume();
  return item;
}

void EventQueue::Cancel() {
  Operation* operation;
  {
    MutexLock lock(&mu_);
    operation = operation_.get();
    cancel_ = operation == nullptr;
  }
  if (operation != nullptr) operation->Cancel();
}

void EventQueue::Close() {
  std::unique_ptr<Operation> operation;
  std::deque<Item> items;
  MutexLock lock(&mu_);
  closed_ = true;
  full_ = false;
  bytes_ = 0;
  // Freed behind the lock.
  operation.swap(operation_);
  items.swap(items_);
}

}  // namespace warren
