#ifndef WARREN_TOOLS_WARREN_FILES_UPLOAD_H_
#define WARREN_TOOLS_WARREN_FILES_UPLOAD_H_

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "tools/warren/files/copy_report.h"
#include "tools/warren/files/transfers.h"

namespace warren {

// Copies a file or a directory with all that is in it into a sandbox. What is in a directory and
// neither a file nor a directory is told and left out. Owner: the cp command. Thread-compatible.
class Upload {
 public:
  // All outlive it.
  Upload(Client& client, Interrupts& interrupts, CopyReport& report)
      : client_(client), interrupts_(interrupts), report_(report) {}

  // Into the destination where that is a directory. False where that failed, which is told.
  bool FromPath(const std::string& source, const RemotePath& destination);
  bool FromStandardInput(const RemotePath& destination);

 private:
  bool CopyOpen(int fd, const std::string& shown, const NewRemoteFile& destination);
  bool CopyFile(const std::string& source, const RemotePath& destination);
  bool CopyTree(const std::string& source, const RemotePath& destination);
  bool CopyEntry(const std::filesystem::directory_entry& entry, const RemotePath& destination);
  bool MakeDirectory(const std::string& source, const RemotePath& destination);

  Client& client_;
  Interrupts& interrupts_;
  CopyReport& report_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_UPLOAD_H_
