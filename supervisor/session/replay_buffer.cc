#include "supervisor/session/replay_buffer.h"

#include <algorithm>
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
  cut_bytes_ += items_.front().payload;
  charge_.Remove(items_.front().cost());
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

bool ReplayBuffer::Join(ExecutionEvent::Output::Stream stream, absl::string_view data,
                        int64_t sequence) {
  if (items_.empty()) return false;
  Item& item = items_.back();
  ExecutionEvent& tail = item.event;
  if (!tail.has_output() || tail.output().stream() != stream ||
      tail.output().data().size() + data.size() > kChunkBytes) {
    return false;
  }
  const auto size = static_cast<int64_t>(data.size());
  const int64_t cost = size + kPartBytes * (item.parts.empty() ? 2 : 1);
  if (charge_.bytes() + cost > kMaxBytes || !charge_.TryAdd(cost)) return false;
  if (item.parts.empty()) item.parts.push_back({item.first_sequence, item.payload});
  tail.mutable_output()->mutable_data()->append(data.data(), data.size());
  tail.set_sequence(sequence);
  item.payload += size;
  item.parts.push_back({sequence, item.payload});
  return true;
}

void ReplayBuffer::AppendOutput(ExecutionEvent::Output::Stream stream, absl::string_view data,
                                ExecutionSink::OutputStamp stamp) {
  if (Join(stream, data, stamp.sequence)) return;
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
  items_.push_back(Item{std::move(event), sequence, payload, {}});
}

void ReplayBuffer::AppendLast(ExecutionEvent event) {
  const int64_t payload = PayloadOf(event);
  if (!MakeRoom(payload + kEventBytes)) charge_.Add(payload + kEventBytes);
  const int64_t sequence = event.sequence();
  items_.push_back(Item{std::move(event), sequence, payload, {}});
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
  if (first != items_.end() && first->first_sequence <= after_sequence) {
    // Of joined output the client has seen the beginning.
    const auto seen =
        std::find_if(first->parts.rbegin(), first->parts.rend(),
                     [&](const Part& part) { return part.sequence <= after_sequence; });
    ExecutionEvent rest = first->event;
    if (seen != first->parts.rend())
      rest.mutable_output()->mutable_data()->erase(0, static_cast<size_t>(seen->end));
    sink.Push(std::move(rest));
    ++first;
  }
  for (; first != items_.end(); ++first) sink.Push(first->event);
}

void ReplayBuffer::Clear() {
  items_.clear();
  charge_.Clear();
  cut_bytes_ = 0;
}

}  // namespace warren
