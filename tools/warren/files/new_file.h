#ifndef WARREN_TOOLS_WARREN_FILES_NEW_FILE_H_
#define WARREN_TOOLS_WARREN_FILES_NEW_FILE_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

// What a copy makes on our side. Names are single ones, below a directory that is open: nothing
// that the sandbox says leads elsewhere.
namespace warren {

// A file that is there, whole, when Commit returns, in the place of one that was there before, and
// not at all otherwise. Owner: a copy. Thread-compatible. Lifecycle: Create → Write* → Commit.
class NewFile {
 public:
  // Permission bits of `mode` count, less the umask.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(int directory, std::string name,
                                                         mode_t mode);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  absl::Status Write(absl::string_view data);
  absl::Status Commit();

 private:
  NewFile(UniqueFd directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)) {}

  UniqueFd directory_;
  const std::string name_;
  std::string temporary_name_;
  UniqueFd file_;
};

// The directory `name`, made where it is missing; a symbolic link is none.
absl::StatusOr<UniqueFd> MakeAndOpenDirectory(int parent, const std::string& name, mode_t mode);

// The directory at `path`, names with slashes between them, below an open one, through no symbolic
// link.
absl::StatusOr<UniqueFd> OpenBelow(int root, absl::string_view path);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_NEW_FILE_H_
