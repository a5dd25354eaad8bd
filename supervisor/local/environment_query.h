#ifndef WARREN_SUPERVISOR_LOCAL_ENVIRONMENT_QUERY_H_
#define WARREN_SUPERVISOR_LOCAL_ENVIRONMENT_QUERY_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/backend/backend.h"
#include "supervisor/local/package_list.h"
#include "supervisor/session/file_call.h"
#include "supervisor/session/file_user.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_host.h"

namespace warren {

// What a sandbox offers, where that takes its agent: the packages on its import path, one directory
// after the other, and the use of its disk. What cannot be had (it is paused or dead, its agent
// does not answer) is left out, and said.
//
// IO thread. Lifecycle: constructor → Start → the reply, once. It keeps itself until then.
class EnvironmentQuery final : public std::enable_shared_from_this<EnvironmentQuery> {
 public:
  // All of it; milliseconds. Then the answer goes without what is missing (docs/TIMING.md).
  static constexpr std::chrono::seconds kEnvironmentTimeout{10};
  // Entries of the directories, looked at as the agent tells them.
  static constexpr size_t kMaxEntries = 32768;

  struct Look {
    // Of the import path, in its order.
    std::vector<std::string> directories;
    FileUser user;
  };
  using Done = Reply<warren::v1::Environment>;

  // `answer` is what is known without the sandbox. `host` outlives it.
  EnvironmentQuery(SandboxHost& host, std::shared_ptr<Sandbox> sandbox,
                   warren::v1::Environment answer, Look look, Done reply)
      : host_(host),
        sandbox_(std::move(sandbox)),
        answer_(std::move(answer)),
        look_(std::move(look)),
        reply_(std::move(reply)) {}

  void Start();

 private:
  class Entries;

  void LookNext();
  // False: no more of them is wanted.
  bool OnEntry(const std::string& path);
  void OnListed(const absl::Status& status);
  void AskDiskUse();
  void NoteIncomplete(absl::string_view why);
  void Answer();

  SandboxHost& host_;
  const std::shared_ptr<Sandbox> sandbox_;
  warren::v1::Environment answer_;
  const Look look_;
  // Null when it was called.
  Done reply_;
  TimerId timer_ = 0;
  // Directories that were looked at, or are.
  size_t looked_ = 0;
  size_t entries_ = 0;
  std::shared_ptr<FileCall> listing_;
  PackageList packages_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_ENVIRONMENT_QUERY_H_
