#ifndef WARREN_SUPERVISOR_SESSION_REPLAY_BUFFER_H_
#define WARREN_SUPERVISOR_SESSION_REPLAY_BUFFER_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// What an execution says while nobody listens, for a client that comes back: the newest of it, at
// most 1 MiB, charged to a budget that all such buffers share. What has no room is cut from the
// oldest and counted.
//
// Thread-compatible; the budget outlives it. Events come in the order of their sequence.
class ReplayBuffer {
 public:
  static constexpr int64_t kMaxBytes = 1 << 20;
  // What an event takes beside its payload.
  static constexpr int64_t kEventBytes = 512;
  // Output of one stream is joined up to this size.
  static constexpr size_t kChunkBytes = 64 << 10;
  // What is kept of each part of joined output, so that it can be told from within.
  static constexpr int64_t kPartBytes = 16;

  explicit ReplayBuffer(MemoryBudget* budget) : charge_(budget) {}

  void AppendOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                    ExecutionSink::OutputStamp stamp);
  void Append(warren::v1::ExecutionEvent event);
  // The last event, which is kept whatever its size.
  void AppendLast(warren::v1::ExecutionEvent event);

  // Hands over what comes after `after_sequence` of the events up to `last_sequence`: first a
  // Missed, where some of them are gone.
  void Replay(int64_t after_sequence, int64_t last_sequence, ExecutionSink& sink) const;
  void Clear();

  int64_t bytes() const { return charge_.bytes(); }

 private:
  struct Part {
    int64_t sequence;
    // Where it ends in the data.
    int64_t end;
  };
  struct Item {
    warren::v1::ExecutionEvent event;
    // Of the first part of joined output.
    int64_t first_sequence;
    int64_t payload;
    // Of joined output; empty for what is whole.
    std::vector<Part> parts;
    int64_t cost() const {
      return payload + kEventBytes + kPartBytes * static_cast<int64_t>(parts.size());
    }
  };
  // Makes the new output a part of the last item. False when it must become one of its own.
  bool Join(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
            int64_t sequence);
  // Charges `bytes` more, at the cost of the oldest events. False when there is no room even so.
  bool MakeRoom(int64_t bytes);
  void CutOldest();

  std::deque<Item> items_;
  MemoryCharge charge_;
  int64_t cut_bytes_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_REPLAY_BUFFER_H_
