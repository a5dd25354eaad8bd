#ifndef WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_
#define WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_

#include <cstddef>
#include <deque>
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

  bool has_free() const { return free_ > 0; }
  // In place where one is free.
  void Take(Callback on_place) {
    waiting_.push_back(std::move(on_place));
    Serve();
  }

 private:
  void Return() {
    ++free_;
    Serve();
  }
  void Serve() {
    while (free_ > 0 && !waiting_.empty()) {
      --free_;
      Callback next = std::move(waiting_.front());
      waiting_.pop_front();
      next(Place(this));
    }
  }

  size_t free_;
  std::deque<Callback> waiting_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_BUILDER_PLACES_H_
