#ifndef WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/mutex.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// The events of one execution on their way from the backend to a door that streams them to its
// client. Consecutive output of one stream is joined into chunks, so a slow reader gets few large
// messages instead of many small ones; a reader that is too slow pauses the execution.
//
// Lifecycle: constructor → Attach, with what the backend returned → Take* by one reader → Close,
// the reader's last call. The backend may push from within Execute, so before Attach, and may come
// to the end before it.
//
// Thread-safe. The reader is told through `on_available` that something is there; from then on it
// calls Take until that returns nothing, and is told again when more comes. `on_available` runs on
// the backend's thread, perhaps with the backend's locks held: it must only start an asynchronous
// write.
class EventQueue final : public ExecutionSink {
 public:
  // What the reader gets: an event, or the status that ends the stream without a Finished event.
  struct Item {
    warren::v1::ExecutionEvent event;
    absl::Status status;
    // Nothing follows. Finished is the last event of an execution, so nobody waits for the End
    // behind it, and a door can write both at once.
    bool last = false;
    // More is waiting behind it.
    bool more = false;
  };

  // The execution pauses above the first mark, until the reader has come down to the second.
  static constexpr size_t kHighWaterBytes = 1 << 20;
  static constexpr size_t kLowWaterBytes = 512 << 10;
  // What an event takes beside its payload: a flood of tiny ones counts by its number.
  static constexpr size_t kEventBytes = 512;
  // Chunks are joined up to this size.
  static constexpr size_t kChunkBytes = 512 << 10;

  explicit EventQueue(absl::AnyInvocable<void()> on_available)
      : on_available_(std::move(on_available)) {}

  // ---- The backend's side
  Flow Push(warren::v1::ExecutionEvent event) override;
  Flow PushOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                  OutputStamp stamp) override;
  void End(absl::Status status) override;

  // ---- The door's side
  // What was asked of the operation before it was there is done now.
  void Attach(std::unique_ptr<Operation> operation);
  // Resumes the execution when enough was taken.
  std::optional<Item> Take();
  // The client gave up. The events up to the end still come.
  void Cancel();
  // Nobody reads any more: what is queued and what still comes is dropped, and so is the operation,
  // which may own its sink. Not at the same time as Take or Cancel. Before the last item was taken
  // a call of `on_available` may still be under way.
  void Close();

 private:
  // Whether the reader must be told, which is done without the lock.
  enum class Tell { kNo, kYes };

  Tell Enqueue(Item item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False when it must become an event of its own.
  bool JoinTail(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                OutputStamp stamp) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Flow flow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return full_ ? Flow::kPause : Flow::kContinue;
  }
  static size_t CostOf(const Item& item);
  void Notify(Tell tell) {
    if (tell == Tell::kYes) on_available_();
  }

  absl::AnyInvocable<void()> on_available_;
  Mutex mu_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // The reader was told and has not found the queue empty since.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
  // The last item is queued, or was taken.
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // Asked for before the operation was there.
  bool cancel_ ABSL_GUARDED_BY(mu_) = false;
  bool resume_ ABSL_GUARDED_BY(mu_) = false;
  // Set once by Attach and taken away by Close: between them the reader calls it without the lock.
  std::unique_ptr<Operation> operation_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_EVENT_QUEUE_H_
