#include "supervisor/keys/key_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

constexpr mode_t kKeyFileMode = 0640;
constexpr int64_t kSchemaVersion = 1;
// Two keys in four billion have one id: then another is made.
constexpr int kIdAttempts = 4;
constexpr char kMakeTable[] =
    "CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, sha256 BLOB NOT "
    "NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT";
constexpr char kColumns[] = "SELECT id, tenant, label, created_at, revoked_at FROM keys";

absl::Status MakeKeyDirectory(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("make the directory of ", path));
}

absl::Status MakeKeyFile(const std::string& path) {
  WARREN_RETURN_IF_ERROR(MakeKeyDirectory(path));
  UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!made.valid()) return errno == EEXIST ? absl::OkStatus() : Errno("make it");
  // Whatever the umask is.
  return ::fchmod(made.get(), kKeyFileMode) == 0 ? absl::OkStatus() : Errno("chmod");
}

KeyInfo ReadRow(const Statement& row) {
  KeyInfo info;
  info.id = row.Bytes(0);
  info.tenant = row.Bytes(1);
  info.label = row.Bytes(2);
  info.created_at = absl::FromUnixSeconds(row.Integer(3));
  if (auto revoked = row.OptionalInteger(4)) info.revoked_at = absl::FromUnixSeconds(*revoked);
  return info;
}

absl::Status NameKeyFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  std::string text = absl::StrCat("keys in ", path, ": ", status.message());
  if (absl::IsPermissionDenied(status)) absl::StrAppend(&text, "; do it as root");
  return absl::Status(status.code(), text);
}

absl::StatusOr<Database> OpenForWriting(const std::string& path) {
  struct stat file;
  if (::stat(path.c_str(), &file) != 0) return Errno("stat");
  WARREN_RETURN_IF_ERROR(CheckKeyFile(path, file));
  // SQLite would open it for reading alone, and say so at the first change.
  if (::access(path.c_str(), R_OK | W_OK) != 0) return Errno("open");
  WARREN_ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Access::kWrite));
  // One transaction, so that who comes second finds all of it.
  WARREN_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  WARREN_ASSIGN_OR_RETURN(KeyTable table, FindKeyTable(database));
  if (table == KeyTable::kEmpty) {
    WARREN_RETURN_IF_ERROR(database.Execute(kMakeTable));
    WARREN_RETURN_IF_ERROR(database.Execute(absl::StrCat("PRAGMA user_version=", kSchemaVersion)));
  }
  WARREN_RETURN_IF_ERROR(database.Execute("COMMIT"));
  return database;
}

}  // namespace

absl::Status CheckKeyFile(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  const bool ours = file.st_uid == 0 || file.st_uid == ::geteuid();
  if (ours && (file.st_mode & (S_IWGRP | S_IWOTH)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("others than root can write ", path,
                                                    ", and make keys: chown root ", path,
                                                    " && chmod 0640 ", path, ", and look who has"));
}

absl::Status ShareKeyFile(const std::string& path, gid_t group) {
  if (absl::Status made = MakeKeyFile(path); !made.ok()) return NameKeyFile(path, made);
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info;
  if (!file.valid() || ::fstat(file.get(), &info) != 0) return NameKeyFile(path, Errno("open"));
  WARREN_RETURN_IF_ERROR(CheckKeyFile(path, info));
  if (::fchown(file.get(), static_cast<uid_t>(-1), group) != 0)
    return NameKeyFile(path, Errno(absl::StrCat("give it the group ", group)));
  if (::fchmod(file.get(), kKeyFileMode) != 0) return NameKeyFile(path, Errno("chmod"));
  return absl::OkStatus();
}

absl::StatusOr<KeyTable> FindKeyTable(const Database& database) {
  WARREN_ASSIGN_OR_RETURN(int64_t version, database.QueryInteger("PRAGMA user_version"));
  if (version == kSchemaVersion) return KeyTable::kThere;
  WARREN_ASSIGN_OR_RETURN(int64_t things,
                          database.QueryInteger("SELECT count(*) FROM sqlite_master"));
  if (version == 0 && things == 0) return KeyTable::kEmpty;
  return absl::FailedPreconditionError(
      absl::StrCat("it is no file of keys, or of another Warren (version ", version, ")"));
}

absl::StatusOr<KeyFile> KeyFile::OpenOrMake(const std::string& path) {
  if (absl::Status made = MakeKeyFile(path); !made.ok()) return NameKeyFile(path, made);
  return Open(path);
}

absl::StatusOr<KeyFile> KeyFile::Open(const std::string& path) {
  auto database = OpenForWriting(path);
  if (!database.ok()) return NameKeyFile(path, database.status());
  return KeyFile(path, *std::move(database));
}

absl::Status KeyFile::Named(const absl::Status& status) const { return NameKeyFile(path_, status); }

absl::StatusOr<KeyFile::Made> KeyFile::Create(absl::string_view tenant, absl::string_view label) {
  if (tenant != kOperatorKey) WARREN_RETURN_IF_ERROR(ValidateTenant(tenant));
  WARREN_RETURN_IF_ERROR(ValidateKeyLabel(label));
  absl::StatusOr<Made> made = Insert(tenant, label);
  for (int i = 1; i < kIdAttempts && absl::IsAlreadyExists(made.status()); ++i)
    made = Insert(tenant, label);
  if (!made.ok()) return Named(made.status());
  return made;
}

absl::StatusOr<KeyFile::Made> KeyFile::Insert(absl::string_view tenant,
                                              absl::string_view label) const {
  WARREN_ASSIGN_OR_RETURN(std::string key, NewKey());
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  Made made;
  made.info = {std::string(IdOf(key)), std::string(tenant), std::string(label),
               absl::FromUnixSeconds(now), std::nullopt};
  WARREN_ASSIGN_OR_RETURN(Statement insert,
                          database_.Prepare("INSERT INTO keys (id, tenant, sha256, label, "
                                            "created_at) VALUES (?, ?, ?, ?, ?)"));
  insert.BindText(1, made.info.id);
  insert.BindText(2, tenant);
  insert.BindBlob(3, Sha256OfKey(key));
  insert.BindText(4, label);
  insert.BindInteger(5, now);
  WARREN_RETURN_IF_ERROR(insert.Step().status());
  made.key = std::move(key);
  return made;
}

absl::StatusOr<std::vector<KeyInfo>> KeyFile::List() const {
  auto rows = database_.Prepare(absl::StrCat(kColumns, " ORDER BY created_at, id"));
  if (!rows.ok()) return Named(rows.status());
  std::vector<KeyInfo> keys;
  while (true) {
    auto row = rows->Step();
    if (!row.ok()) return Named(row.status());
    if (*row == Statement::Row::kDone) return keys;
    keys.push_back(ReadRow(*rows));
  }
}

absl::StatusOr<KeyInfo> KeyFile::Find(absl::string_view id) const {
  WARREN_ASSIGN_OR_RETURN(Statement row,
                          database_.Prepare(absl::StrCat(kColumns, " WHERE id = ?")));
  row.BindText(1, id);
  WARREN_ASSIGN_OR_RETURN(Statement::Row found, row.Step());
  if (found == Statement::Row::kThere) return ReadRow(row);
  return absl::NotFoundError(absl::StrCat("there is no key \"", absl::CEscape(id),
                                          "\"; `warren keys list` has their ids"));
}

absl::StatusOr<KeyInfo> KeyFile::Revoke(absl::string_view id) {
  // A whole key would be repeated by the message.
  if (!IsKeyId(id)) {
    return absl::InvalidArgumentError(
        "name the key by its id, the 8 digits that `warren keys list` shows");
  }
  auto update =
      database_.Prepare("UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL");
  if (!update.ok()) return Named(update.status());
  update->BindInteger(1, absl::ToUnixSeconds(absl::Now()));
  update->BindText(2, id);
  if (auto row = update->Step(); !row.ok()) return Named(row.status());
  auto found = Find(id);
  if (!found.ok()) return Named(found.status());
  return found;
}

}  // namespace warren
