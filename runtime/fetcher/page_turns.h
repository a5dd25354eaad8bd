#ifndef WARREN_RUNTIME_FETCHER_PAGE_TURNS_H_
#define WARREN_RUNTIME_FETCHER_PAGE_TURNS_H_

#include <condition_variable>
#include <functional>
#include <mutex>

namespace warren {

// Few pages are fetched, read and written at a time, for each of them takes memory: whoever makes
// one waits for its turn. Thread-safe.
class PageTurns {
 public:
  static constexpr int kMost = 4;

  // A turn, from its constructor to its destructor.
  class Turn {
   public:
    // Waits for it, until `is_gone` says that nobody wants the page any more: then it is none.
    Turn(PageTurns& turns, const std::function<bool()>& is_gone);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool taken() const { return taken_; }

   private:
    PageTurns& turns_;
    bool taken_ = false;
  };

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  int left_ = kMost;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_PAGE_TURNS_H_
