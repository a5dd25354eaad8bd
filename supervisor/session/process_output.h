#ifndef WARREN_SUPERVISOR_SESSION_PROCESS_OUTPUT_H_
#define WARREN_SUPERVISOR_SESSION_PROCESS_OUTPUT_H_

#include <cstdint>
#include <deque>

#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "warren/v1/process.pb.h"

namespace warren {

// What a process has said last, for clients that come, or come back: at most 1 MiB, charged to a
// budget that all such share. What has no room is cut from the oldest. Positions count the bytes of
// all its output.
//
// Thread-compatible; the budget outlives it.
class ProcessOutput {
 public:
  using Stream = warren::v1::ProcessEvent::Output::Stream;

  static constexpr int64_t kMaxBytes = 1 << 20;
  // What an event takes beside its payload.
  static constexpr int64_t kEventBytes = 256;
  // Output of one stream is joined up to this size.
  static constexpr size_t kChunkBytes = 64 << 10;

  explicit ProcessOutput(MemoryBudget* budget) : charge_(budget) {}

  // `position`: where `data` ends. It begins where what came before has ended, or was cleared.
  void Append(Stream stream, absl::string_view data, int64_t position, int64_t time_unix_nanos);
  // What came between the two positions, the second of which is where the last that came has ended:
  // first a Missed, where the beginning of it is gone.
  void Replay(int64_t after, int64_t position, SandboxHandle::ProcessSink& sink) const;
  void Clear();

  int64_t bytes() const { return charge_.bytes(); }

 private:
  bool JoinTail(Stream stream, absl::string_view data);
  bool MakeRoom(int64_t bytes);
  void CutOldest();

  std::deque<warren::v1::ProcessEvent> events_;
  MemoryCharge charge_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PROCESS_OUTPUT_H_
