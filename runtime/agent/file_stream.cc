#include "runtime/agent/file_stream.h"

#include <utility>

namespace warren {

void FileStream::End(const FileResult& result, internal::StreamEnd end) {
  // What it met first is what it says.
  if (std::exchange(ended_, true)) return;
  TellEnd(services_.output, id_, result, std::move(end));
}

void TellEnd(StreamOutput& output, uint64_t id, const FileResult& result, internal::StreamEnd end) {
  internal::AgentEvent event;
  *event.mutable_end() = std::move(end);
  event.mutable_end()->set_stream_id(id);
  event.mutable_end()->set_outcome(result.outcome);
  event.mutable_end()->set_error(result.error);
  event.mutable_end()->set_detail(result.detail);
  output.Tell(event);
}

}  // namespace warren
