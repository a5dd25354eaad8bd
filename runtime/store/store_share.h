#ifndef WARREN_RUNTIME_STORE_STORE_SHARE_H_
#define WARREN_RUNTIME_STORE_STORE_SHARE_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/loop/io_loop.h"
#include "runtime/store/catalog.h"
#include "runtime/store/space.h"
#include "runtime/store/stop_signal.h"
#include "runtime/store/store_directory.h"
#include "runtime/store/worker_pool.h"

namespace warren {

// What the parts of the store have in common. The catalog is the loop's thread's; the directory,
// the space, the signal and the pools are for any. Tasks of the pools see those alone, and post
// what they came to.
struct StoreShare {
  StoreShare(IoLoop& its_loop, std::unique_ptr<StopSignal> its_stop,
             std::unique_ptr<StoreDirectory> its_directory, int64_t max_bytes,
             std::function<void()> on_space_asked)
      : loop(its_loop),
        stop(std::move(its_stop)),
        directory(std::move(its_directory)),
        space(max_bytes, std::move(on_space_asked)) {}

  IoLoop& loop;
  const std::unique_ptr<StopSignal> stop;
  const std::unique_ptr<StoreDirectory> directory;
  Space space;
  Catalog catalog;
  // Hash, link and remove. They never wait for a sandbox, nor for space.
  WorkerPool workers;
  // Read from sandboxes, and wait for both.
  WorkerPool receivers;
};

// Tells who waits for an entry's check, each in a task of its own.
inline void TellWaiters(IoLoop& loop, std::vector<CatalogEntry::Waiter> waiters, bool whole) {
  for (CatalogEntry::Waiter& waiter : waiters)
    loop.Post([told = std::move(waiter), whole]() mutable { told(whole); });
}

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_SHARE_H_
