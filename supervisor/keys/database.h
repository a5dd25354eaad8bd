#ifndef WARREN_SUPERVISOR_KEYS_DATABASE_H_
#define WARREN_SUPERVISOR_KEYS_DATABASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

// As much of SQLite as keys need. For one thread at a time.
namespace warren {

// A statement and its row. Its database outlives it. Lifecycle: Bind* → Step → columns → Step ... .
class Statement {
 public:
  enum class Row { kThere, kDone };

  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // From 1 on.
  void BindText(int place, absl::string_view text);
  void BindBlob(int place, absl::string_view bytes);
  void BindInteger(int place, int64_t value);
  // FAILED_PRECONDITION: the file does not allow what was asked, ALREADY_EXISTS: a row with such a
  // key is there.
  absl::StatusOr<Row> Step();
  // From 0 on, of the row that is there.
  std::string Bytes(int column) const;
  int64_t Integer(int column) const;
  std::optional<int64_t> OptionalInteger(int column) const;

 private:
  sqlite3* const database_;
  sqlite3_stmt* statement_;
};

// A connection to a file that exists; an empty one is a database without tables. Whoever else has
// it locked is waited for, for a second.
class Database {
 public:
  enum class Access { kRead, kWrite };
  static absl::StatusOr<Database> Open(const std::string& path, Access access);

  absl::StatusOr<Statement> Prepare(absl::string_view sql) const;
  absl::Status Execute(absl::string_view sql) const;
  // The first column of the first row. INTERNAL: there is none.
  absl::StatusOr<int64_t> QueryInteger(absl::string_view sql) const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  explicit Database(std::unique_ptr<sqlite3, Closer> database) : database_(std::move(database)) {}

  std::unique_ptr<sqlite3, Closer> database_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_KEYS_DATABASE_H_
