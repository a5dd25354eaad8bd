#ifndef WARREN_RUNTIME_STORE_CATALOG_H_
#define WARREN_RUNTIME_STORE_CATALOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "runtime/store/worker_pool.h"
#include "warren/internal/store.pb.h"

namespace warren {

// What the store knows of a package or set on disk.
struct CatalogEntry {
  // Called, in a task of its own, when it has been checked: whether it is whole.
  using Waiter = absl::AnyInvocable<void(bool)>;

  // Names this one, and not one of the same digest that comes after it.
  uint64_t serial = 0;
  // On disk, in bytes of blocks.
  int64_t blocks = 0;
  // Nanoseconds since the epoch.
  int64_t used_at = 0;
  // Its files have been hashed, or written, by this process.
  bool verified = false;
  bool checking = false;
  WorkerPool::Ticket check = 0;
  std::vector<Waiter> waiters;
  // Sets being made of it: so long it is not evicted.
  int pins = 0;
};
struct CatalogPackage : CatalogEntry {
  internal::StoredPackage info;
};
struct CatalogSet : CatalogEntry {
  internal::StoredSet info;
};

// The packages, sets and resolutions that there are, who uses them, and who goes first. Does
// nothing on disk. Entries stay where they are until they are taken. Not thread-safe.
class Catalog {
 public:
  struct Resolution {
    std::string set_digest;
    // Unix seconds.
    int64_t ends_at = 0;
    // Which came first.
    uint64_t serial = 0;
  };
  struct Victim {
    enum class Kind { kSet, kPackage };
    Kind kind = Kind::kSet;
    std::string name;
    int64_t blocks = 0;
    int64_t used_at = 0;
  };

  using Packages = std::map<std::string, std::unique_ptr<CatalogPackage>>;
  using Sets = std::map<std::string, std::unique_ptr<CatalogSet>>;
  const Packages& packages() const { return packages_; }
  const Sets& sets() const { return sets_; }

  CatalogPackage& AddPackage(internal::StoredPackage info);
  CatalogSet& AddSet(internal::StoredSet info);
  CatalogPackage* FindPackage(const std::string& key) const;
  CatalogSet* FindSet(const std::string& digest) const;
  // Null where there is none.
  std::unique_ptr<CatalogPackage> TakePackage(const std::string& key);
  std::unique_ptr<CatalogSet> TakeSet(const std::string& digest);
  std::vector<std::string> SetsWith(const std::string& key) const;

  // A set is used by each of its sandboxes; one that is not there may be, until it is made again.
  void Use(const std::string& digest) { ++uses_[digest]; }
  // False where it was in no use.
  bool Release(const std::string& digest);
  int Uses(const std::string& digest) const;

  // Used just now, and its packages with it: later than all before.
  void Touch(CatalogEntry& entry);
  void Touch(CatalogSet& set);

  // What may go, the least recently used first, and of the same time sets before their packages:
  // all that is used by nobody, or in no set that is, and of which no set is being made.
  std::vector<Victim> Unused() const;

  void PutResolution(const std::string& request_digest, Resolution resolution);
  const Resolution* FindResolution(const std::string& request_digest) const;
  void DropResolution(const std::string& request_digest);
  // The one that has been there longest, where there are more than `most`.
  std::optional<std::string> ResolutionBeyond(size_t most) const;

 private:
  Packages packages_;
  Sets sets_;
  std::unordered_map<std::string, int> uses_;
  std::unordered_map<std::string, Resolution> resolutions_;
  // In the order in which they came.
  std::map<uint64_t, std::string> resolution_order_;
  uint64_t last_serial_ = 0;
  int64_t last_used_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_CATALOG_H_
