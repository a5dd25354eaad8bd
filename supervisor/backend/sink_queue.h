#ifndef WARREN_SUPERVISOR_BACKEND_SINK_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_SINK_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"

namespace warren {

// What a queue has to know of its events. Specialised for each kind:
//   static bool IsLast(const Event&): it ends the stream by itself;
//   static int64_t PayloadOf(const Event&): bytes;
//   static bool Join(Event& tail, const Event& next): whether `next` became a part of `tail`;
//   static absl::Status EndOf(): how a stream ended whose End is OK and whose last event was none
//   of the kind above.
template <class Event>
struct SinkQueueTraits;

// Of events that end with their End, and none of which becomes a part of another.
template <class Message>
struct SinkQueueTraitsOfMany {
  using Event = Message;
  static bool IsLast(const Event&) { return false; }
  static int64_t PayloadOf(const Event& event) {
    return static_cast<int64_t>(event.ByteSizeLong());
  }
  static bool Join(Event&, Event&) { return false; }
  static absl::Status EndOf() { return absl::OkStatus(); }
};

// Events of one operation on their way from the backend to a door that streams them to its client.
// A reader that is too slow pauses the operation.
//
// Lifecycle: constructor → Attach, with what the backend returned → Take* by one reader → Close,
// the reader's last call. The backend may push from within the call that starts the operation, so
// before Attach, and may come to the end before it.
//
// Thread-safe. The reader is told through `on_available` that something is there; from then on it
// calls Take until that returns nothing, and is told again when more comes. `on_available` runs on
// the backend's thread, perhaps with the backend's locks held: it must only start an asynchronous
// write.
template <class Event, class Base = Sink<Event>>
class SinkQueue : public Base {
 public:
  using Traits = SinkQueueTraits<Event>;

  // What the reader gets: an event, or the status that ends the stream.
  struct Item {
    Event event;
    absl::Status status;
    // It is the end, and has no event.
    bool ended = false;
    // It is what Begin said, and has no event.
    bool begun = false;
    // Nothing follows. An event that ends the stream by itself is the last, so nobody waits for the
    // End behind it, and a door can write both at once.
    bool last = false;
    // More is waiting behind it.
    bool more = false;
  };

  // The operation pauses above the first mark, until the reader has come down to the second.
  static constexpr int64_t kHighWaterBytes = 1 << 20;
  static constexpr int64_t kLowWaterBytes = 512 << 10;
  // What an event takes beside its payload: a flood of tiny ones counts by its number.
  static constexpr int64_t kEventBytes = 512;

  // What is not read is charged to `memory`, which outlives this; where that is used up, every
  // queue is full that something is pushed into.
  SinkQueue(MemoryBudget* memory, absl::AnyInvocable<void()> on_available)
      : memory_(*memory), on_available_(std::move(on_available)), charge_(memory) {}

  // ---- The backend's side
  Flow Push(Event event) override {
    Tell tell = Tell::kNo;
    Flow result;
    {
      MutexLock lock(&mu_);
      Event* last = tail();
      if (last != nullptr && Traits::Join(*last, event)) {
        Count(Traits::PayloadOf(event));
      } else {
        tell = Enqueue(std::move(event));
      }
      result = flow();
    }
    Notify(tell);
    return result;
  }

  void End(absl::Status status) override {
    Tell tell;
    {
      MutexLock lock(&mu_);
      Item item;
      item.status = status.ok() && !ended_ ? Traits::EndOf() : std::move(status);
      item.ended = true;
      item.last = true;
      tell = Enqueue(std::move(item));
    }
    Notify(tell);
  }

  // ---- The door's side
  // What was asked of the operation before it was there is done now.
  void Attach(std::unique_ptr<Operation> operation) {
    // It is called while it is still our own: from the moment that it is stored the reader may call
    // it, and take it away.
    for (;;) {
      bool cancel;
      bool resume;
      bool disconnect;
      {
        MutexLock lock(&mu_);
        cancel = std::exchange(cancel_, false);
        resume = std::exchange(resume_, false);
        disconnect = std::exchange(disconnect_, false);
        if (!cancel && !resume && !disconnect) {
          if (!closed_) operation_ = std::move(operation);
          break;
        }
      }
      if (cancel) operation->Cancel();
      if (resume) operation->Resume();
      if (disconnect) DisconnectFrom(*operation);
    }
  }

  // For what nothing may happen in for long, and whose client wants to know that it goes on: an
  // item of its own says so, the first one; whoever has an event already knows it. Once, behind the
  // backend's call that started it.
  void Begin() {
    Tell tell;
    {
      MutexLock lock(&mu_);
      if (spoke_) return;
      Item item;
      item.begun = true;
      tell = Enqueue(std::move(item));
    }
    Notify(tell);
  }

  // Resumes the operation when enough was taken.
  std::optional<Item> Take() {
    std::optional<Item> item;
    Operation* resume = nullptr;
    {
      MutexLock lock(&mu_);
      if (items_.empty()) {
        reading_ = false;
        return std::nullopt;
      }
      item = std::move(items_.front());
      items_.pop_front();
      item->more = !items_.empty();
      charge_.Remove(CostOf(*item));
      if (full_ && charge_.bytes() <= kLowWaterBytes) {
        full_ = false;
        resume = operation_.get();
        resume_ = resume == nullptr;
      }
    }
    if (resume != nullptr) resume->Resume();
    return item;
  }

  // The client gave up. The events up to the end still come.
  void Cancel() {
    Operation* operation;
    {
      MutexLock lock(&mu_);
      operation = operation_.get();
      cancel_ = operation == nullptr;
    }
    if (operation != nullptr) operation->Cancel();
  }

  // The client has gone. Take comes to the end all the same, at once where the operation goes on.
  void Disconnect() {
    Operation* operation;
    {
      MutexLock lock(&mu_);
      operation = operation_.get();
      disconnect_ = operation == nullptr;
    }
    if (operation != nullptr) DisconnectFrom(*operation);
  }

  // Nobody reads any more: what is queued and what still comes is dropped, and so is the operation,
  // which may own its sink. Not at the same time as Take or Cancel. Before the last item was taken
  // a call of `on_available` may still be under way.
  void Close() {
    std::unique_ptr<Operation> operation;
    std::deque<Item> items;
    MutexLock lock(&mu_);
    closed_ = true;
    full_ = false;
    charge_.Clear();
    // Freed behind the lock.
    operation.swap(operation_);
    items.swap(items_);
  }

 protected:
  // Whether the reader must be told, which is done without the lock.
  enum class Tell { kNo, kYes };

  Tell Enqueue(Event event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Item item;
    item.last = Traits::IsLast(event);
    item.event = std::move(event);
    return Enqueue(std::move(item));
  }
  // The event that the next may become a part of; null for none.
  Event* tail() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (items_.empty() || ended_ || items_.back().begun) return nullptr;
    return &items_.back().event;
  }
  void Count(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    charge_.Add(bytes);
    if (charge_.bytes() >= kHighWaterBytes || memory_.exhausted()) full_ = true;
  }
  Flow flow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return full_ ? Flow::kPause : Flow::kContinue;
  }
  void Notify(Tell tell) {
    if (tell == Tell::kYes) on_available_();
  }

  Mutex mu_;

 private:
  void DisconnectFrom(Operation& operation) {
    // Nothing comes of what goes on.
    if (operation.Disconnect() == Departure::kGoesOn)
      End(absl::CancelledError("the client has gone; what it started goes on"));
  }
  Tell Enqueue(Item item) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (ended_ || closed_) return Tell::kNo;
    ended_ = item.last;
    spoke_ = true;
    Count(CostOf(item));
    items_.push_back(std::move(item));
    return std::exchange(reading_, true) ? Tell::kNo : Tell::kYes;
  }
  static int64_t CostOf(const Item& item) { return kEventBytes + Traits::PayloadOf(item.event); }

  MemoryBudget& memory_;
  absl::AnyInvocable<void()> on_available_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
  MemoryCharge charge_ ABSL_GUARDED_BY(mu_);
  // The reader was told and has not found the queue empty since.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // There was an item.
  bool spoke_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
  // The last item is queued, or was taken.
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // Asked for before the operation was there.
  bool disconnect_ ABSL_GUARDED_BY(mu_) = false;
  bool cancel_ ABSL_GUARDED_BY(mu_) = false;
  bool resume_ ABSL_GUARDED_BY(mu_) = false;
  // Set once by Attach and taken away by Close: between them the reader calls it without the lock.
  std::unique_ptr<Operation> operation_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_SINK_QUEUE_H_
