#ifndef WARREN_TOOLS_WARREN_FILES_DOWNLOAD_H_
#define WARREN_TOOLS_WARREN_FILES_DOWNLOAD_H_

#include <functional>
#include <string>

#include "tools/warren/files/copy_report.h"
#include "tools/warren/files/transfers.h"

namespace warren {

// Copies a file or a directory with all that is in it out of a sandbox. What the sandbox says of
// names leads nowhere but below the destination; what is no file, directory or symbolic link within
// the copy is told and left out. Owner: the cp command. Thread-compatible.
class Download {
 public:
  // All outlive it.
  Download(Client& client, Interrupts& interrupts, CopyReport& report)
      : client_(client), interrupts_(interrupts), report_(report) {}

  // To a path of ours: into it where that is a directory. False where that failed, which is told.
  bool ToPath(const RemotePath& source, const std::string& destination);
  // One file to standard output.
  bool ToStandardOutput(const RemotePath& source);

 private:
  bool CopyFile(const RemotePath& source, const v1::FileEntry& entry, int directory,
                const std::string& name, const std::string& shown);
  bool CopyTree(const RemotePath& source, int root);
  bool CopyBelow(const RemotePath& source, const v1::FileEntry& entry, int root,
                 const std::string& relative);
  bool CopyLink(const v1::FileEntry& entry, int directory, const std::string& name, int depth);

  Client& client_;
  Interrupts& interrupts_;
  CopyReport& report_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_DOWNLOAD_H_
