#ifndef WARREN_RUNTIME_STORE_REMOVER_H_
#define WARREN_RUNTIME_STORE_REMOVER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/store/store_directory.h"
#include "runtime/store/store_share.h"
#include "warren/internal/store.pb.h"

namespace warren {

// Takes packages and sets out of the store: at once for everybody, and on disk as soon as a worker
// comes to it; only then their space is free. For the loop's thread.
class Remover {
 public:
  using OnPruned = std::function<void(const internal::StorePruned&)>;

  explicit Remover(StoreShare& share) : share_(share) {}

  // In use or not; nothing where it is not there. A package goes with the sets that have it, and
  // who waits for their checks is told that they are not whole.
  void RemovePackage(const std::string& key);
  void RemoveSet(const std::string& digest);
  // Something that is in no catalog.
  void RemoveUnknown(StoreDirectory::Folder folder, const std::string& name);
  void RemoveTemporary(const std::string& name);

  // Whoever waits for space gets it, where the least recently used can go.
  void ServeSpace();
  // Evicts what it can, where the store holds more than it may.
  void Shrink();
  // All that nobody uses and that was used before `cutoff` (nanoseconds since the epoch).
  // `on_pruned`, when it is off the disk.
  void Prune(int64_t cutoff, OnPruned on_pruned);

 private:
  using Done = std::function<void()>;
  enum class Goal { kAllOrNothing, kAsMuchAsCanGo };

  void TakeSet(const std::string& digest, Done done);
  void TakePackage(const std::string& key, Done done);
  void TakeVictim(const Catalog::Victim& victim, Done done);
  // Whether so many bytes are on their way out.
  bool Evict(int64_t bytes, Goal goal);
  void Retire(StoreDirectory::Folder folder, const std::string& name, int64_t blocks, Done done);
  void OnRemoved(const std::string& name, const absl::Status& status, int64_t blocks,
                 const Done& done);

  StoreShare& share_;
  // Out of the catalog and still on disk.
  int64_t removing_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_REMOVER_H_
