#ifndef WARREN_RUNTIME_AGENT_FILE_STREAM_H_
#define WARREN_RUNTIME_AGENT_FILE_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/agent/file_place.h"
#include "runtime/agent/file_result.h"
#include "runtime/control/agent_stream.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Takes what is for the supervisor.
class StreamOutput {
 public:
  virtual ~StreamOutput() = default;
  virtual void Tell(const internal::AgentEvent& event) = 0;
  // Of a read, at most kStreamPiece.
  virtual void TellData(uint64_t stream_id, absl::string_view data, bool last) = 0;
};

// What the streams share.
struct FileServices {
  FileRoot root;
  StreamOutput& output;
  // Streams open no descriptor from this number on: commands need some, too.
  int max_descriptor;
  // For what is on its way out; empty when no stream is left.
  std::string buffer;
};

// One call that takes more than one turn. Everything is called as the call's user, and does so much
// as keeps nobody else waiting.
class FileStream {
 public:
  FileStream(FileServices& services, uint64_t id) : services_(services), id_(id) {}
  virtual ~FileStream() = default;

  // Whether a turn would do something now.
  virtual bool ready() const = 0;
  virtual void Turn() = 0;
  // OnReadable is called when it is readable. -1: it waits for its supervisor alone.
  virtual int descriptor() const { return -1; }
  virtual void OnReadable() {}
  // Of a write. False: it takes none, or not as much.
  virtual bool Take(const internal::StreamData&) { return false; }
  // Undoes what is not to stay.
  virtual void Abandon() {}

  void AddCredit(uint32_t bytes) { credit_ += bytes; }
  void Cancel() {
    Abandon();
    End({internal::StreamEnd::CANCELLED, 0, ""});
  }
  bool ended() const { return ended_; }

 protected:
  uint64_t id() const { return id_; }
  FileServices& services() { return services_; }
  const FileRoot& root() const { return services_.root; }
  int64_t credit() const { return credit_; }
  void Spend(size_t bytes) { credit_ -= static_cast<int64_t>(bytes); }
  void Tell(const internal::AgentEvent& event) { services_.output.Tell(event); }
  void TellData(absl::string_view data, bool last) { services_.output.TellData(id_, data, last); }
  // The last of it, once. `end` has what there is beside the result.
  void End(const FileResult& result, internal::StreamEnd end = {});
  // Too many are open.
  bool OutOfDescriptors(int descriptor) const { return descriptor >= services_.max_descriptor; }

 private:
  FileServices& services_;
  const uint64_t id_;
  int64_t credit_ = kStreamWindow;
  bool ended_ = false;
};

// Says how the call `id` ended.
void TellEnd(StreamOutput& output, uint64_t id, const FileResult& result, internal::StreamEnd end);

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_STREAM_H_
