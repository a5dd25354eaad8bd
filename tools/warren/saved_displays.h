#ifndef WARREN_TOOLS_WARREN_SAVED_DISPLAYS_H_
#define WARREN_TOOLS_WARREN_SAVED_DISPLAYS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// Writes the displays of a run that are pictures or documents into a directory: figure-1.png,
// figure-2.html. Owner: a renderer. Thread-compatible.
class SavedDisplays {
 public:
  // Makes the directory if it is not there.
  static absl::StatusOr<SavedDisplays> Create(std::string directory);

  // Writes every representation that has a file type of its own, under one number, and returns the
  // paths. File names are made here and never by the sandbox; an existing file of the name is
  // replaced, a symbolic link is not followed.
  absl::StatusOr<std::vector<std::string>> Save(const v1::ExecutionEvent::Display& display);

 private:
  explicit SavedDisplays(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
  int count_ = 0;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_SAVED_DISPLAYS_H_
