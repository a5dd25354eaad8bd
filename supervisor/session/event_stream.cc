#include "supervisor/session/event_stream.h"

namespace warren {

using warren::v1::ExecutionEvent;

namespace {

constexpr size_t kFloodBytes = 32 << 10;

}  // namespace

int64_t EventStream::CostOf(const Item& item) {
  const auto& event = item.event;
  return kEventBytes + static_cast<int64_t>(event.has_output() ? event.output().data().size()
                                                               : event.ByteSizeLong());
}

void EventStream::Count(int64_t bytes) {
  charge_.Add(bytes);
  if (charge_.bytes() >= kHighWaterBytes || memory_.exhausted()) full_ = true;
}

bool EventStream::Enqueue(Item item) {
  Count(CostOf(item));
  items_.push_back(std::move(item));
  return !std::exchange(reading_, true);
}

void EventStream::Tell(bool tell) {
  if (tell) on_available_();
}

EventStream::Pressure EventStream::PushOutput(ExecutionEvent::Output::Stream stream,
                                              absl::string_view data, int64_t time_unix_nanos,
                                              int64_t sequence) {
  bool tell = false;
  bool full;
  {
    MutexLock lock(&mu_);
    ExecutionEvent* tail = items_.empty() ? nullptr : &items_.back().event;
    if (tail != nullptr && tail->has_output() && tail->output().stream() == stream &&
        tail->output().data().size() + data.size() <= kChunkBytes) {
      tail->mutable_output()->mutable_data()->append(data.data(), data.size());
      tail->set_sequence(sequence);
      Count(static_cast<int64_t>(data.size()));
    } else {
      Item item;
      item.event.set_time_unix_nanos(time_unix_nanos);
      item.event.set_sequence(sequence);
      auto* output = item.event.mutable_output();
      output->set_stream(stream);
      // Large pieces come in numbers: growing step by step would copy them again and again.
      if (data.size() >= kFloodBytes) output->mutable_data()->reserve(kChunkBytes);
      output->mutable_data()->assign(data.data(), data.size());
      tell = Enqueue(std::move(item));
    }
    full = full_;
  }
  Tell(tell);
  return full ? Pressure::kFull : Pressure::kFlowing;
}

EventStream::Pressure EventStream::Push(ExecutionEvent event) {
  bool tell;
  bool full;
  {
    MutexLock lock(&mu_);
    Item item;
    item.event = std::move(event);
    tell = Enqueue(std::move(item));
    full = full_;
  }
  Tell(tell);
  return full ? Pressure::kFull : Pressure::kFlowing;
}

void EventStream::Finish(ExecutionEvent finished) {
  bool tell;
  {
    MutexLock lock(&mu_);
    Item item;
    item.event = std::move(finished);
    item.last = true;
    tell = Enqueue(std::move(item));
  }
  Tell(tell);
}

void EventStream::Fail(absl::Status status) {
  bool tell;
  {
    MutexLock lock(&mu_);
    Item item;
    item.status = std::move(status);
    item.last = true;
    tell = Enqueue(std::move(item));
  }
  Tell(tell);
}

std::optional<EventStream::Item> EventStream::Take() {
  std::optional<Item> item;
  bool drained = false;
  {
    MutexLock lock(&mu_);
    if (items_.empty()) {
      reading_ = false;
      return std::nullopt;
    }
    item = std::move(items_.front());
    items_.pop_front();
    item->more = !items_.empty();
    charge_.Remove(CostOf(*item));
    if (full_ && charge_.bytes() <= kLowWaterBytes) {
      full_ = false;
      drained = true;
    }
  }
  if (drained && on_drained_) on_drained_();
  return item;
}

}  // namespace warren
