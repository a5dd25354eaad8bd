#ifndef WARREN_SUPERVISOR_E2B_ENVD_ENVD_CLIENT_H_
#define WARREN_SUPERVISOR_E2B_ENVD_ENVD_CLIENT_H_

#include <memory>
#include <string>
#include <utility>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/cloud_files.h"

namespace warren {

// Processes, terminals and files of one sandbox of the cloud's: SandboxHandle's calls of these
// names. Thread-safe; cheap to copy.
class EnvdClient {
 public:
  EnvdClient(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox)
      : cloud_(std::move(cloud)), sandbox_(std::move(sandbox)) {}

  std::unique_ptr<Operation> StartProcess(const Call& call, v1::StartProcessRequest request,
                                          std::shared_ptr<SandboxHandle::ProcessSink> sink) const;
  std::unique_ptr<Operation> ConnectProcess(const Call& call,
                                            const v1::ConnectProcessRequest& request,
                                            std::shared_ptr<SandboxHandle::ProcessSink> sink) const;
  void WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                  Reply<v1::WriteProcessInputResponse> reply) const;
  void ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                      Reply<v1::ResizeTerminalResponse> reply) const;
  // The cloud sends two signals by itself; others go by a command in the sandbox.
  void SignalProcess(const Call& call, const v1::SignalProcessRequest& request,
                     Reply<v1::SignalProcessResponse> reply) const;
  void ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) const;

  std::unique_ptr<Operation> ReadFile(const Call& call, v1::ReadFileRequest request,
                                      std::shared_ptr<SandboxHandle::ReadSink> sink) const;
  std::unique_ptr<Upload> WriteFile(const Call& call, v1::WriteFileRequest::Header header,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<v1::WriteFileResponse> reply) const;
  void StatFile(const Call& call, v1::StatFileRequest request, Reply<v1::FileEntry> reply) const;
  std::unique_ptr<Operation> ListDirectory(const Call& call, v1::ListDirectoryRequest request,
                                           std::shared_ptr<Sink<v1::FileEntry>> sink) const;
  void MakeDirectory(const Call& call, v1::MakeDirectoryRequest request,
                     Reply<v1::FileEntry> reply) const;
  void MoveFile(const Call& call, v1::MoveFileRequest request, Reply<v1::FileEntry> reply) const;
  void RemoveFile(const Call& call, v1::RemoveFileRequest request,
                  Reply<v1::RemoveFileResponse> reply) const;
  std::unique_ptr<Operation> WatchDirectory(const Call& call, v1::WatchDirectoryRequest request,
                                            std::shared_ptr<Sink<v1::FileEvent>> sink) const;

 private:
  FilesOf Files(const std::string& user) const { return {cloud_, sandbox_, user}; }

  std::shared_ptr<Cloud> cloud_;
  CloudSandboxRef sandbox_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_ENVD_CLIENT_H_
