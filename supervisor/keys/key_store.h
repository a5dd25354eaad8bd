#ifndef WARREN_SUPERVISOR_KEYS_KEY_STORE_H_
#define WARREN_SUPERVISOR_KEYS_KEY_STORE_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/keys/database.h"

namespace warren {

// For whom a key stands, by a file that others write (KeyFile) and this only reads. Keys that were
// asked for are kept in memory for as long as the file is the same, which each call looks at: so
// what is created or revoked counts with the next call, and a call costs microseconds.
//
// A file that is missing has no key. One that cannot be read, or is broken, lets nobody in.
//
// Thread-safe. Where a writer is just committing, a call waits for that, a second at most. It is
// opened at the first call.
class KeyStore {
 public:
  explicit KeyStore(std::string path) : path_(std::move(path)) {}

  // UNAUTHENTICATED, for people: no such key, or it was revoked, or none can be read. That a key is
  // valid is decided in constant time.
  absl::StatusOr<Principal> Authenticate(absl::string_view key);

  // Why no key can be read now, for people.
  absl::Status Check();
  // No key is valid. False where none can be read.
  bool Empty();
  // Whoever comes over the network must have a key: there is one, or was one, valid or not, since
  // this was made, or none can be read. So that neither the last key's revocation nor the loss of
  // the file opens the door to everybody.
  bool Demanded();

 private:
  // One key.
  struct Entry {
    std::string sha256;
    std::string tenant;
    bool revoked = false;
  };
  // What tells one file from another, and from itself before it was written to by whatever means.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t changed_seconds = 0;
    int64_t changed_nanos = 0;
    bool operator==(const Identity&) const = default;
  };

  // Holds what is kept against the file. After an error nothing is kept.
  absl::Status Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ReadChanges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Count() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Null: there is no such key.
  absl::StatusOr<const Entry*> Find(absl::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Into the log, once for as long as the file is the same.
  void Complain(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  Mutex mu_;
  std::optional<Database> database_ ABSL_GUARDED_BY(mu_);
  Identity identity_ ABSL_GUARDED_BY(mu_);
  // SQLite's, of the file as it was last looked at.
  int64_t version_ ABSL_GUARDED_BY(mu_) = -1;
  bool has_table_ ABSL_GUARDED_BY(mu_) = false;
  int64_t valid_ ABSL_GUARDED_BY(mu_) = 0;
  // There was a key.
  bool seen_ ABSL_GUARDED_BY(mu_) = false;
  // By their ids; bounded by the file, for what is not in it is not kept.
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  // What was logged last.
  std::string complaint_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_KEYS_KEY_STORE_H_
