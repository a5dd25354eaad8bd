#ifndef WARREN_SUPERVISOR_BACKEND_VALIDATE_FILE_H_
#define WARREN_SUPERVISOR_BACKEND_VALIDATE_FILE_H_

#include "absl/status/status.h"
#include "warren/v1/file.pb.h"

// What the contract says about requests for files, as validate.h for the others. Paths are absolute
// afterwards. Whether the sandbox has the user is the backend's to check, and whether there is such
// a file the kernel's.
namespace warren {

// path, user, offset, length.
absl::Status ValidateReadFile(warren::v1::ReadFileRequest& request);
// path, user, mode, sha256, attributes; append with exclusive.
absl::Status ValidateWriteFile(warren::v1::WriteFileRequest::Header& header);
// data.
absl::Status ValidateFileData(const std::string& data);
// path, user.
absl::Status ValidateStatFile(warren::v1::StatFileRequest& request);
// path, user, depth.
absl::Status ValidateListDirectory(warren::v1::ListDirectoryRequest& request);
// path, user, mode.
absl::Status ValidateMakeDirectory(warren::v1::MakeDirectoryRequest& request);
// source, destination, user.
absl::Status ValidateMoveFile(warren::v1::MoveFileRequest& request);
// path, user.
absl::Status ValidateRemoveFile(warren::v1::RemoveFileRequest& request);
// path, user.
absl::Status ValidateWatchDirectory(warren::v1::WatchDirectoryRequest& request);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_VALIDATE_FILE_H_
