#ifndef WARREN_RUNTIME_AGENT_FILE_RESULT_H_
#define WARREN_RUNTIME_AGENT_FILE_RESULT_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// How an operation on files ended, as StreamEnd says it.
struct FileResult {
  internal::StreamEnd::Outcome outcome = internal::StreamEnd::OK;
  int error = 0;
  // What failed, in words of ours.
  std::string detail;

  bool ok() const { return outcome == internal::StreamEnd::OK; }
};

inline FileResult FileFailed(int error, absl::string_view what) {
  return {internal::StreamEnd::FAILED, error, std::string(what)};
}
inline FileResult FileWrongType(absl::string_view what) {
  return {internal::StreamEnd::WRONG_TYPE, 0, std::string(what)};
}

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_RESULT_H_
