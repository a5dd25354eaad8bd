#ifndef WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_
#define WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_

#include <deque>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/mutex.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// The events of one execution on their way from the IO thread to whoever streams them to the
// client. Consecutive output of one stream is joined into chunks, so a slow reader gets few large
// messages instead of many small ones.
//
// Thread-safe. The producer calls Push* and at last Finish or Fail, exactly once. The reader is
// told through `on_available` that something is there; from then on it calls Take until that
// returns nothing, and is told again when more comes. `on_available` runs on the producer's thread,
// possibly with the producer's locks held: it must only start an asynchronous write.
class EventStream {
 public:
  // What the reader gets: an event, or the status that ends the call without a Finished event.
  struct Item {
    warren::v1::ExecutionEvent event;
    absl::Status status;
    bool last = false;
    // More is waiting behind it.
    bool more = false;
  };
  enum class Pressure { kFlowing, kFull };

  // The producer stops reading its sandbox above the first mark, until the reader has come down to
  // the second.
  static constexpr int64_t kHighWaterBytes = 1 << 20;
  static constexpr int64_t kLowWaterBytes = 512 << 10;
  // What an event takes beside its payload: a flood of tiny ones counts by its number.
  static constexpr int64_t kEventBytes = 512;
  // Chunks are joined up to this size.
  static constexpr size_t kChunkBytes = 512 << 10;

  // What is not read is charged to `memory`; where that is used up, every stream is full that holds
  // anything.
  EventStream(MemoryBudget* memory, absl::AnyInvocable<void()> on_available)
      : memory_(*memory), on_available_(std::move(on_available)), charge_(memory) {}

  // Before the first Push. `on_drained` runs, on the reader's thread, when the reader has come down
  // to the low-water mark after kFull.
  void SetOnDrained(absl::AnyInvocable<void()> on_drained) { on_drained_ = std::move(on_drained); }

  Pressure PushOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                      int64_t time_unix_nanos = 0, int64_t sequence = 0);
  Pressure Push(warren::v1::ExecutionEvent event);
  void Finish(warren::v1::ExecutionEvent finished);
  void Fail(absl::Status status);

  std::optional<Item> Take();

 private:
  // Returns whether the reader must be told.
  bool Enqueue(Item item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Count(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static int64_t CostOf(const Item& item);
  void Tell(bool tell);

  MemoryBudget& memory_;
  absl::AnyInvocable<void()> on_available_;
  absl::AnyInvocable<void()> on_drained_;
  Mutex mu_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
  MemoryCharge charge_ ABSL_GUARDED_BY(mu_);
  // The reader was told and has not found the stream empty since.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_
