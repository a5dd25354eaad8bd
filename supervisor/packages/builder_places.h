#ifndef WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_
#define WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace warren {

// How many builders may be at work, in order of arrival. IO thread only; it outlives its places.
class BuilderPlaces {
 public:
  explicit BuilderPlaces(size_t most) : free_(most) {}

  // One of them, until its destruction.
  class Place {
   public:
    explicit Place(BuilderPlaces* places) : places_(places) {}
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_ != nullptr) places_->Return();
    }

   private:
    BuilderPlaces* places_;
  };
  using Callback = absl::AnyInvocable<void(Place)>;
  // Who waits.
  using Ticket = std::shared_ptr<Callback>;

  bool has_free() const { return free_ > 0; }
  // In place where one is free, and nobody waits before.
  Ticket Take(Callback on_place) {
    auto ticket = std::make_shared<Callback>(std::move(on_place));
    waiting_.push_back(ticket);
    Serve();
    return ticket;
  }
  // Waits no more, and what its callback holds goes. Again, or where it was served: nothing.
  void Cancel(const Ticket& ticket) { waiting_.remove(ticket); }

 private:
  void Return() {
    ++free_;
    Serve();
  }
  // What is called may give its place back at once: whoever serves already goes on with the next.
  void Serve() {
    if (std::exchange(serving_, true)) return;
    while (free_ > 0 && !waiting_.empty()) {
      --free_;
      const Ticket next = std::move(waiting_.front());
      waiting_.pop_front();
      (*next)(Place(this));
      *next = nullptr;
    }
    serving_ = false;
  }

  size_t free_;
  bool serving_ = false;
  std::list<Ticket> waiting_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_
