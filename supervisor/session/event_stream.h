#ifndef WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_
#define WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_

#include <deque>
#include <mutex>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
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
  static constexpr size_t kHighWaterBytes = 1 << 20;
  static constexpr size_t kLowWaterBytes = 512 << 10;
  // What an event takes beside its payload: a flood of tiny ones counts by its number.
  static constexpr size_t kEventBytes = 512;
  // Chunks are joined up to this size.
  static constexpr size_t kChunkBytes = 512 << 10;

  explicit EventStream(absl::AnyInvocable<void()> on_available)
      : on_available_(std::move(on_available)) {}

  // Before the first Push. `on_drained` runs, on the reader's thread, when the reader has come down
  // to the low-water mark after kFull.
  void SetOnDrained(absl::AnyInvocable<void()> on_drained) { on_drained_ = std::move(on_drained); }

  Pressure PushOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data);
  Pressure Push(warren::v1::ExecutionEvent event);
  void Finish(warren::v1::ExecutionEvent finished);
  void Fail(absl::Status status);

  std::optional<Item> Take();

 private:
  // With mu_ held; returns whether the reader must be told.
  bool Enqueue(Item item);
  static size_t CostOf(const Item& item);
  void Tell(bool tell);

  absl::AnyInvocable<void()> on_available_;
  absl::AnyInvocable<void()> on_drained_;
  std::mutex mu_;
  std::deque<Item> items_;
  size_t bytes_ = 0;
  // The reader was told and has not found the stream empty since.
  bool reading_ = false;
  bool full_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_EVENT_STREAM_H_
