#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_FILES_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_FILES_H_

#include <memory>
#include <string>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/file_entries.h"

// What is asked of a sandbox's files and answered once. On the loop's thread; requests are valid.
namespace warren {

// Where and as whom: what the calls have in common.
struct FilesOf {
  std::shared_ptr<Cloud> cloud;
  CloudSandboxRef sandbox;
  std::string user;
};

// Follows no link: envd tells of both, the link and what it leads to.
void StatCloudFile(const FilesOf& files, const std::string& path, Reply<v1::FileEntry> reply);
using Entries = std::vector<v1::FileEntry>;
void ListCloudDirectory(const FilesOf& files, const std::string& path, uint32_t depth,
                        Reply<Entries> reply);
void MakeCloudDirectory(const FilesOf& files, const v1::MakeDirectoryRequest& request,
                        Reply<v1::FileEntry> reply);
void MoveCloudFile(const FilesOf& files, const v1::MoveFileRequest& request,
                   Reply<v1::FileEntry> reply);
// The cloud removes whatever is there; what may not be is found out before.
void RemoveCloudFile(const FilesOf& files, const v1::RemoveFileRequest& request,
                     Reply<v1::RemoveFileResponse> reply);
void ChangeCloudMode(const FilesOf& files, const std::string& path, uint32_t mode,
                     Reply<v1::FileEntry> reply);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_FILES_H_
