#ifndef WARREN_RUNTIME_STORE_SPACE_H_
#define WARREN_RUNTIME_STORE_SPACE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace warren {

// What content of so many bytes takes on disk: whole blocks of 4 KiB, and one at least.
int64_t BlocksOf(int64_t bytes);
// A directory's.
inline constexpr int64_t kDirectoryBytes = 4096;

// How much the store holds, in bytes of blocks, and may hold. Who writes reserves first, and waits
// where others must be evicted, which the store's loop decides.
//
// Thread-safe; Serve is for the loop's thread.
class Space {
 public:
  // `on_asked`: somebody waits for room; call Serve. On that one's thread.
  Space(int64_t max_bytes, std::function<void()> on_asked)
      : max_bytes_(max_bytes), on_asked_(std::move(on_asked)) {}

  // RESOURCE_EXHAUSTED: it is full of what is in use; CANCELLED after Stop. May wait.
  absl::Status Reserve(int64_t bytes);
  // Without asking: what is on disk already.
  void Add(int64_t bytes);
  void Release(int64_t bytes);
  // Answers those who wait. `make_room`: so many bytes are missing; false when there is no way.
  // Where there is one, Serve is called again when they are gone.
  void Serve(absl::FunctionRef<bool(int64_t)> make_room);
  // Nobody waits any more.
  void Stop();

  int64_t used() const;
  int64_t max_bytes() const { return max_bytes_; }

 private:
  enum class Answer { kNone, kGranted, kRefused };
  struct Asked {
    int64_t bytes = 0;
    Answer answer = Answer::kNone;
  };

  const int64_t max_bytes_;
  const std::function<void()> on_asked_;
  mutable std::mutex mu_;
  std::condition_variable answered_;
  std::deque<Asked*> asked_;
  int64_t used_ = 0;
  bool stopped_ = false;
};

// What one who writes has reserved; given back unless it is kept. For one thread.
class SpaceHold {
 public:
  explicit SpaceHold(Space& space) : space_(space) {}
  SpaceHold(const SpaceHold&) = delete;
  SpaceHold& operator=(const SpaceHold&) = delete;
  ~SpaceHold() { space_.Release(held_); }

  absl::Status Grow(int64_t bytes);
  // What it came to is the store's.
  int64_t Keep();

 private:
  Space& space_;
  int64_t held_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_SPACE_H_
