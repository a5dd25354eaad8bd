#ifndef WARREN_TOOLS_WARREN_FILES_COPY_REPORT_H_
#define WARREN_TOOLS_WARREN_FILES_COPY_REPORT_H_

#include <string>

#include "tools/warren/files/progress.h"
#include "tools/warren/files/transfers.h"

namespace warren {

// Tells what a copy does: progress and trouble on standard error, with --json a line for each file
// on standard output. Owner: the cp command. Thread-compatible.
class CopyReport {
 public:
  enum class Format { kText, kJson };
  // `client` outlives it.
  CopyReport(const Client& client, Format format, Progress::Visibility progress);

  Progress& progress() { return progress_; }

  void OnCopied(const std::string& source, const std::string& destination, const Transfer& done);
  // Says why it failed; false. `what` is a verb and its object.
  bool OnFailed(const std::string& what, const Transfer& failed);
  bool OnFailed(const std::string& what, const absl::Status& local);
  bool OnFailed(const std::string& what, const grpc::Status& remote);
  // Something is not copied, but the rest is.
  void OnSkipped(const std::string& name, const char* why);

  bool skipped() const { return skipped_; }

 private:
  const Client& client_;
  const Format format_;
  Progress progress_;
  bool skipped_ = false;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_COPY_REPORT_H_
