#ifndef WARREN_SUPERVISOR_KEYS_KEY_FILE_H_
#define WARREN_SUPERVISOR_KEYS_KEY_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/keys/database.h"
#include "supervisor/keys/key.h"

namespace warren {

inline constexpr char kDefaultKeyFile[] = "/var/lib/warren/keys.db";

// Whether this is a file of keys to be trusted: a regular one, of root's or this process's user,
// that nobody else can write. FAILED_PRECONDITION, for people.
absl::Status CheckKeyFile(const std::string& path, const struct stat& file);

// Makes the file, empty, and its directory, where they are missing; gives it mode 0640 and this
// group, which reads it. Nothing of it is read.
absl::Status ShareKeyFile(const std::string& path, gid_t group);

// OK for a database of keys; and for one without anything in it, which has none yet: `kEmpty`.
enum class KeyTable { kThere, kEmpty };
absl::StatusOr<KeyTable> FindKeyTable(const Database& database);

// The file of keys, in the hands of who administers it: a database whose one table has of each key
// its hash and never the key. Servers see at once what is changed (KeyStore).
//
// For one thread; several processes may have it open.
class KeyFile {
 public:
  // Makes what is missing, with this process's user and group. PERMISSION_DENIED,
  // FAILED_PRECONDITION: with the remedy.
  static absl::StatusOr<KeyFile> OpenOrMake(const std::string& path);
  // NOT_FOUND where there is none.
  static absl::StatusOr<KeyFile> Open(const std::string& path);

  struct Made {
    KeyInfo info;
    // Told this once.
    std::string key;
  };
  // INVALID_ARGUMENT: the tenant, which may be kOperatorKey, or the label.
  absl::StatusOr<Made> Create(absl::string_view tenant, absl::string_view label);
  // Oldest first, the revoked ones too.
  absl::StatusOr<std::vector<KeyInfo>> List() const;
  // For good; of one that is revoked already, nothing changes. NOT_FOUND.
  absl::StatusOr<KeyInfo> Revoke(absl::string_view id);

 private:
  KeyFile(std::string path, Database database)
      : path_(std::move(path)), database_(std::move(database)) {}
  absl::Status Named(const absl::Status& status) const;
  absl::StatusOr<Made> Insert(absl::string_view tenant, absl::string_view label) const;
  absl::StatusOr<KeyInfo> Find(absl::string_view id) const;

  std::string path_;
  Database database_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_KEYS_KEY_FILE_H_
