#include "supervisor/session/process_output.h"

#include <utility>

namespace warren {
namespace {

using warren::v1::ProcessEvent;

int64_t SizeOf(const ProcessEvent& event) {
  return static_cast<int64_t>(event.output().data().size());
}

// Where its output begins.
int64_t BeginOf(const ProcessEvent& event) { return event.output_bytes() - SizeOf(event); }

}  // namespace

bool ProcessOutput::JoinTail(Stream stream, absl::string_view data) {
  if (events_.empty()) return false;
  ProcessEvent& tail = events_.back();
  const auto size = static_cast<int64_t>(data.size());
  if (tail.output().stream() != stream || tail.output().data().size() + data.size() > kChunkBytes ||
      charge_.bytes() + size > kMaxBytes || !charge_.TryAdd(size)) {
    return false;
  }
  tail.mutable_output()->mutable_data()->append(data.data(), data.size());
  tail.set_output_bytes(tail.output_bytes() + size);
  return true;
}

void ProcessOutput::CutOldest() {
  charge_.Remove(SizeOf(events_.front()) + kEventBytes);
  events_.pop_front();
}

bool ProcessOutput::MakeRoom(int64_t bytes) {
  while (!events_.empty() && charge_.bytes() + bytes > kMaxBytes) CutOldest();
  while (!charge_.TryAdd(bytes)) {
    if (events_.empty()) return false;
    CutOldest();
  }
  return true;
}

void ProcessOutput::Append(Stream stream, absl::string_view data, int64_t position,
                           int64_t time_unix_nanos) {
  // Cut in pieces, so that the oldest goes in pieces.
  while (!data.empty()) {
    absl::string_view piece = data.substr(0, kChunkBytes);
    data.remove_prefix(piece.size());
    if (JoinTail(stream, piece)) continue;
    if (!MakeRoom(kEventBytes + static_cast<int64_t>(piece.size()))) continue;
    ProcessEvent& event = events_.emplace_back();
    event.mutable_output()->set_stream(stream);
    event.mutable_output()->set_data(piece.data(), piece.size());
    event.set_output_bytes(position - static_cast<int64_t>(data.size()));
    event.set_time_unix_nanos(time_unix_nanos);
  }
}

void ProcessOutput::Replay(int64_t after, int64_t position,
                           SandboxHandle::ProcessSink& sink) const {
  auto next = events_.begin();
  while (next != events_.end() && next->output_bytes() <= after) ++next;
  const int64_t kept_from = next != events_.end() ? BeginOf(*next) : position;
  if (kept_from > after) {
    ProcessEvent missed;
    missed.mutable_missed()->set_bytes(kept_from - after);
    missed.set_output_bytes(kept_from);
    if (next != events_.end()) missed.set_time_unix_nanos(next->time_unix_nanos());
    sink.Push(std::move(missed));
  }
  for (; next != events_.end(); ++next) {
    ProcessEvent event = *next;
    // The client has seen the beginning of it.
    if (const int64_t seen = after - BeginOf(event); seen > 0)
      event.mutable_output()->mutable_data()->erase(0, static_cast<size_t>(seen));
    sink.Push(std::move(event));
  }
}

void ProcessOutput::Clear() {
  events_.clear();
  charge_.Clear();
}

}  // namespace warren
