#ifndef WARREN_RUNTIME_AGENT_FILE_CALLS_H_
#define WARREN_RUNTIME_AGENT_FILE_CALLS_H_

#include "runtime/agent/file_place.h"
#include "runtime/agent/file_result.h"
#include "warren/internal/agent.pb.h"

// The calls that are done at once. Each fills in what its StreamEnd has beside the result.
namespace warren {

FileResult Stat(const FileRoot& root, const internal::StatCall& call, internal::StreamEnd* end);
FileResult MakeDirectory(const FileRoot& root, const internal::MakeDirectoryCall& call,
                         internal::StreamEnd* end);
FileResult Move(const FileRoot& root, const internal::MoveCall& call, internal::StreamEnd* end);
FileResult TellUsage(const FileRoot& root, internal::StreamEnd* end);

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_CALLS_H_
