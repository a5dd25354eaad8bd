#include "supervisor/session/replay_buffer.h"

#include <utility>

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

int64_t PayloadOf(const ExecutionEvent& event) {
  return event.has_output() ? static_cast<int64_t>(event.output().data().size())
                            : static_cast<int64_t>(event.ByteSizeLong());
}

}  // namespace

void ReplayBuffer::CutOldest() {
  const int64_t payload = items_.front().payload;
  cut_bytes_ += payload;
  charge_.Remove(payload + kEventBytes);
  items_.pop_front();
}

bool ReplayBuffer::MakeRoom(int64_t bytes) {
  if (bytes > kMaxBytes) {
    while (!items_.empty()) CutOldest();
    return false;
  }
  while (charge_.bytes() + bytes > kMaxBytes) CutOldest();
  while (!charge_.TryAdd(bytes)) {
    if (items_.empty()) return false;
    CutOldest();
  }
  return true;
}

void ReplayBuffer::AppendOutput(ExecutionEvent::Output::Stream stream, absl::string_view data,
                                ExecutionSink::OutputStamp stamp) {
  const auto size = static_cast<int64_t>(data.size());
  if (!items_.empty()) {
    ExecutionEvent& tail = items_.back().event;
    if (tail.has_output() && tail.output().stream() == stream &&
        tail.output().data().size() + data.size() <= kChunkBytes &&
        charge_.bytes() + size <= kMaxBytes && charge_.TryAdd(size)) {
      tail.mutable_output()->mutable_data()->append(data.data(), data.size());
      tail.set_sequence(stamp.sequence);
      items_.back().payload += size;
      return;
    }
  }
  ExecutionEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data.data(), data.size());
  event.set_time_unix_nanos(stamp.time_unix_nanos);
  event.set_sequence(stamp.sequence);
  Append(std::move(event));
}

void ReplayBuffer::Append(ExecutionEvent event) {
  const int64_t payload = PayloadOf(event);
  if (!MakeRoom(payload + kEventBytes)) {
    cut_bytes_ += payload;
    return;
  }
  const int64_t sequence = event.sequence();
  items_.push_back(Item{std::move(event), sequence, payload});
}

void ReplayBuffer::AppendLast(ExecutionEvent event) {
  const int64_t payload = PayloadOf(event);
  if (!MakeRoom(payload + kEventBytes)) charge_.Add(payload + kEventBytes);
  const int64_t sequence = event.sequence();
  items_.push_back(Item{std::move(event), sequence, payload});
}

void ReplayBuffer::Replay(int64_t after_sequence, int64_t last_sequence,
                          ExecutionSink& sink) const {
  auto first = items_.begin();
  while (first != items_.end() && first->event.sequence() <= after_sequence) ++first;
  const int64_t next = first != items_.end() ? first->first_sequence : last_sequence + 1;
  if (next > after_sequence + 1) {
    ExecutionEvent missed;
    missed.mutable_missed()->set_events(next - after_sequence - 1);
    missed.mutable_missed()->set_bytes(cut_bytes_);
    missed.set_sequence(next - 1);
    if (first != items_.end()) missed.set_time_unix_nanos(first->event.time_unix_nanos());
    sink.Push(std::move(missed));
  }
  for (; first != items_.end(); ++first) sink.Push(first->event);
}

void ReplayBuffer::Clear() {
  items_.clear();
  charge_.Clear();
  cut_bytes_ = 0;
}

}  // namespace warren
