#include "supervisor/keys/key_store.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/keys/key.h"
#include "supervisor/keys/key_file.h"

namespace warren {
namespace {

// One answer for a key that never was and for one that was revoked: who has a wrong one learns
// nothing of the others.
absl::Status Refused() {
  return absl::UnauthenticatedError(
      "the API key is not valid: it was mistyped, or revoked; the server's operator makes another "
      "with `warren keys create`");
}

}  // namespace

absl::StatusOr<Principal> KeyStore::Authenticate(absl::string_view key) {
  if (!IsKey(key)) return Refused();
  const std::string presented = Sha256OfKey(key);
  // Compared with where there is no such key; no key has this hash.
  static const Entry kNobody{std::string(SHA256_DIGEST_LENGTH, '\0'), "", true};
  MutexLock lock(&mu_);
  absl::Status readable = Refresh();
  if (readable.ok()) {
    absl::StatusOr<const Entry*> found = Find(IdOf(key));
    readable = found.status();
    if (found.ok()) {
      const Entry& entry = *found == nullptr ? kNobody : **found;
      const bool equal =
          ::CRYPTO_memcmp(entry.sha256.data(), presented.data(), SHA256_DIGEST_LENGTH) == 0;
      if (!equal || entry.revoked) return Refused();
      return entry.tenant == kOperatorKey ? Principal() : Principal{entry.tenant};
    }
    Complain(readable);
  }
  return absl::UnauthenticatedError(
      "the server cannot read its keys, and lets nobody in until it can: its log says why");
}

absl::Status KeyStore::Check() {
  MutexLock lock(&mu_);
  return Refresh();
}

bool KeyStore::Empty() {
  MutexLock lock(&mu_);
  return Refresh().ok() && valid_ == 0;
}

bool KeyStore::Demanded() {
  MutexLock lock(&mu_);
  return !Refresh().ok() || seen_;
}

absl::Status KeyStore::Refresh() {
  absl::Status status = ReadChanges();
  if (status.ok()) return status;
  Forget();
  Complain(status);
  return absl::Status(status.code(), complaint_);
}

void KeyStore::Complain(const absl::Status& status) {
  std::string complaint = absl::StrCat("keys in ", path_, ": ", status.message());
  if (complaint == complaint_) return;
  complaint_ = std::move(complaint);
  spdlog::error("event=keys_unreadable error=\"{}\"", absl::CEscape(complaint_));
}

absl::Status KeyStore::ReadChanges() {
  struct stat file;
  if (::stat(path_.c_str(), &file) != 0) {
    if (errno != ENOENT) return Errno("stat");
    Forget();
    return absl::OkStatus();
  }
  const Identity identity{file.st_dev, file.st_ino, file.st_size, file.st_ctim.tv_sec,
                          file.st_ctim.tv_nsec};
  if (!database_ || !(identity == identity_)) {
    // SQLite sees what SQLite wrote; a copy over the file it need not.
    Forget();
    WARREN_RETURN_IF_ERROR(CheckKeyFile(path_, file));
    WARREN_ASSIGN_OR_RETURN(database_, Database::Open(path_, Database::Access::kRead));
    identity_ = identity;
  }
  WARREN_ASSIGN_OR_RETURN(int64_t version, database_->QueryInteger("PRAGMA data_version"));
  if (version == version_) return absl::OkStatus();
  entries_.clear();
  WARREN_RETURN_IF_ERROR(Count());
  // Last: what was written meanwhile is another version.
  version_ = version;
  complaint_.clear();
  return absl::OkStatus();
}

absl::Status KeyStore::Count() {
  WARREN_ASSIGN_OR_RETURN(KeyTable table, FindKeyTable(*database_));
  has_table_ = table == KeyTable::kThere;
  valid_ = 0;
  if (!has_table_) return absl::OkStatus();
  WARREN_ASSIGN_OR_RETURN(int64_t all, database_->QueryInteger("SELECT count(*) FROM keys"));
  WARREN_ASSIGN_OR_RETURN(
      valid_, database_->QueryInteger("SELECT count(*) FROM keys WHERE revoked_at IS NULL"));
  seen_ = seen_ || all > 0;
  return absl::OkStatus();
}

absl::StatusOr<const KeyStore::Entry*> KeyStore::Find(absl::string_view id) {
  if (auto known = entries_.find(id); known != entries_.end()) return &known->second;
  if (!database_ || !has_table_) return nullptr;
  WARREN_ASSIGN_OR_RETURN(
      Statement row,
      database_->Prepare("SELECT sha256, tenant, revoked_at FROM keys WHERE id = ?"));
  row.BindText(1, id);
  WARREN_ASSIGN_OR_RETURN(Statement::Row found, row.Step());
  if (found == Statement::Row::kDone) return nullptr;
  Entry entry{row.Bytes(0), row.Bytes(1), row.OptionalInteger(2).has_value()};
  // An empty tenant would be the operator, and that has a word of its own.
  if (entry.sha256.size() != SHA256_DIGEST_LENGTH ||
      (entry.tenant != kOperatorKey && !IsTenant(entry.tenant)))
    return absl::DataLossError(absl::StrCat("the row of key ", id, " is broken"));
  return &entries_.emplace(std::string(id), std::move(entry)).first->second;
}

void KeyStore::Forget() {
  database_.reset();
  version_ = -1;
  has_table_ = false;
  valid_ = 0;
  entries_.clear();
}

}  // namespace warren
