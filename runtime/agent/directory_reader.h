#ifndef WARREN_RUNTIME_AGENT_DIRECTORY_READER_H_
#define WARREN_RUNTIME_AGENT_DIRECTORY_READER_H_

#include <dirent.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// An open directory, read a few names at a time: it holds a descriptor and a position, and no
// buffer, so that many of them may wait.
class DirectoryReader {
 public:
  explicit DirectoryReader(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  // From the beginning again.
  void Rewind() { position_ = 0; }

  // What became of a name. kStop: enough for now, this one is done with. kAgain: enough for now,
  // and this one comes once more.
  enum class Next { kContinue, kStop, kAgain };
  // Calls `on_name(name, type)` for the next names but "." and "..", some hundred at most; `type`
  // is one of DT_. 0 at the end, negative where that failed, with errno; else positive.
  int Read(absl::FunctionRef<Next(const char*, unsigned char)> on_name);

 private:
  UniqueFd fd_;
  off_t position_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_DIRECTORY_READER_H_
