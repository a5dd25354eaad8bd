#ifndef WARREN_RUNTIME_AGENT_FILE_PLACE_H_
#define WARREN_RUNTIME_AGENT_FILE_PLACE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "runtime/agent/file_result.h"
#include "runtime/base/unique_fd.h"

// Where paths lead. The agent is in the sandbox's mount namespace, so `..`, symbolic links and
// whoever changes them lead nowhere but into the sandbox. It is not in the sandbox's pid namespace:
// the magic links of /proc are never followed, and nothing is opened in /proc.
namespace warren {

class FileRoot {
 public:
  // Of the namespace.
  FileRoot();
  // Nothing outside of `directory` is reached: for tests.
  explicit FileRoot(UniqueFd directory);

  // openat2(2) of an absolute path; -1 and errno.
  int Open(const std::string& path, int flags, mode_t mode = 0) const;

 private:
  UniqueFd directory_;
  uint64_t resolve_;
};

// The entry `name` of `directory`, itself: no link is followed. -1 and errno.
enum class Mounts { kCross, kStay };
int OpenEntry(int directory, const std::string& name, int flags, Mounts mounts = Mounts::kCross);

// Whether what is in there is the kernel's own, not files.
bool IsKernels(int fd);

// An entry of a directory, which may not be there.
struct FilePlace {
  // O_PATH.
  UniqueFd directory;
  std::string name;
  // As asked for.
  std::string path;
};
enum class Parents { kThere, kMade };
// `path`: absolute. Links on the way are followed, the last is not.
FileResult FindPlace(const FileRoot& root, std::string path, Parents parents, FilePlace* place);
// Goes on while the place is a symbolic link.
FileResult FollowPlace(const FileRoot& root, Parents parents, FilePlace* place);

// A regular file, and never anything else: a FIFO would wait for its other end, and opening a
// device does things. `flags`: O_RDONLY, or O_WRONLY and O_APPEND.
FileResult OpenRegular(const FileRoot& root, const std::string& path, int flags, UniqueFd* file,
                       struct stat* info);

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_PLACE_H_
