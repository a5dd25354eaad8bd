#include "supervisor/keys/database.h"

#include <sqlite3.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// docs/TIMING.md
constexpr int kLockedMillis = 1000;

absl::Status Failure(sqlite3* database, absl::string_view what) {
  const std::string text = absl::StrCat(what, ": ", ::sqlite3_errmsg(database));
  switch (::sqlite3_errcode(database)) {
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(text);
    default:
      return absl::FailedPreconditionError(text);
  }
}

}  // namespace

Statement::~Statement() { ::sqlite3_finalize(statement_); }

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

void Statement::BindText(int place, absl::string_view text) {
  ::sqlite3_bind_text64(statement_, place, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::BindBlob(int place, absl::string_view bytes) {
  ::sqlite3_bind_blob64(statement_, place, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

void Statement::BindInteger(int place, int64_t value) {
  ::sqlite3_bind_int64(statement_, place, value);
}

absl::StatusOr<Statement::Row> Statement::Step() {
  switch (::sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return Row::kThere;
    case SQLITE_DONE:
      return Row::kDone;
    default:
      return Failure(database_, "SQLite");
  }
}

std::string Statement::Bytes(int column) const {
  // Before its length: the call may convert it.
  const void* bytes = ::sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(::sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

int64_t Statement::Integer(int column) const { return ::sqlite3_column_int64(statement_, column); }

std::optional<int64_t> Statement::OptionalInteger(int column) const {
  if (::sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Integer(column);
}

void Database::Closer::operator()(sqlite3* database) const { ::sqlite3_close_v2(database); }

absl::StatusOr<Database> Database::Open(const std::string& path, Access access) {
  // Never SQLITE_OPEN_CREATE: who makes the file says whose it is.
  const int mode = access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* opened = nullptr;
  const int error =
      ::sqlite3_open_v2(path.c_str(), &opened, mode | SQLITE_OPEN_NOMUTEX, /*zVfs=*/nullptr);
  // It is there after an error too, and has its words.
  Database database{std::unique_ptr<sqlite3, Closer>(opened)};
  if (opened == nullptr) return absl::ResourceExhaustedError("SQLite: out of memory");
  if (error != SQLITE_OK) {
    const int cause = ::sqlite3_system_errno(opened);
    return cause == 0 ? Failure(opened, "SQLite") : absl::ErrnoToStatus(cause, "open");
  }
  ::sqlite3_busy_timeout(opened, kLockedMillis);
  return database;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int error = ::sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                         &statement, /*pzTail=*/nullptr);
  if (error != SQLITE_OK) return Failure(database_.get(), "SQLite");
  return Statement(database_.get(), statement);
}

absl::Status Database::Execute(absl::string_view sql) const {
  WARREN_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  while (true) {
    WARREN_ASSIGN_OR_RETURN(Statement::Row row, statement.Step());
    if (row == Statement::Row::kDone) return absl::OkStatus();
  }
}

absl::StatusOr<int64_t> Database::QueryInteger(absl::string_view sql) const {
  WARREN_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  WARREN_ASSIGN_OR_RETURN(Statement::Row row, statement.Step());
  if (row == Statement::Row::kDone) return absl::InternalError("SQLite: no row");
  return statement.Integer(0);
}

}  // namespace warren
