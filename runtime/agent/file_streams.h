#ifndef WARREN_RUNTIME_AGENT_FILE_STREAMS_H_
#define WARREN_RUNTIME_AGENT_FILE_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "runtime/agent/file_stream.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// The file calls of one supervisor, and the streams of those that last. Nothing of it waits: a call
// goes on in turns between other work, and each stream has its turn before any has its next.
class FileStreams {
 public:
  // The output outlives it. Files are made with the modes that are asked for: no umask from here
  // on. A call beyond kMaxAgentStreams ends with EUSERS.
  FileStreams(FileRoot root, StreamOutput& output);

  // Each returns false where the supervisor broke a bound.
  bool OnCall(const internal::FileCall& call);
  // Of a stream that has ended: nothing happens, for its end may not have been read yet.
  bool OnData(const internal::StreamData& data);
  bool OnCredit(const internal::StreamCredit& credit);
  bool OnCancel(const internal::StreamCancel& cancel);

  // Whether a turn would do something without waiting.
  bool ready() const;
  // Of one stream, the next in the row.
  void Turn();

  // Descriptors that are waited for, and what is to be told of them.
  struct Wait {
    int descriptor;
    uint64_t stream_id;
  };
  std::vector<Wait> waits() const;
  void OnReadable(uint64_t stream_id);

 private:
  struct Stream {
    uint32_t uid;
    uint32_t gid;
    std::unique_ptr<FileStream> stream;
  };

  void Begin(const internal::FileCall& call);
  template <class Kind, class Operation>
  void Open(const internal::FileCall& call, const Operation& operation);
  // As the stream's user; forgets it where it has ended.
  template <class Act>
  bool With(uint64_t stream_id, Act act);

  FileServices services_;
  std::map<uint64_t, Stream> streams_;
  // Whose turn was the last.
  uint64_t last_turn_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_STREAMS_H_
