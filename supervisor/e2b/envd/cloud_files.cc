#include "supervisor/e2b/envd/cloud_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/e2b/envd/cloud_command.h"
#include "supervisor/e2b/envd/connect_call.h"

namespace warren {
namespace {

constexpr uint32_t kDirectoryMode = 0755;

template <class Response, class Request>
void AskFiles(const FilesOf& files, const char* path, const Request& request, HttpAgain again,
              absl::AnyInvocable<void(absl::StatusOr<Response>)> told) {
  EnvdCall call{path, files.user};
  call.again = again;
  AskEnvdFor<Response>(files.cloud, files.sandbox, call, request, std::move(told));
}

// The answer's entry, for who wants that alone.
template <class Response>
auto EntryOf(Reply<v1::FileEntry> reply) {
  return [reply = std::move(reply)](absl::StatusOr<Response> response) mutable {
    if (!response.ok()) return reply(response.status());
    reply(ToFileEntry(response->entry()));
  };
}

void RemoveNow(const FilesOf& files, const std::string& path, Reply<v1::RemoveFileResponse> reply) {
  e2b::RemoveRequest request;
  request.set_path(path);
  AskFiles<e2b::RemoveResponse>(
      files, "/filesystem.Filesystem/Remove", request, HttpAgain::kAlways,
      [reply = std::move(reply)](absl::StatusOr<e2b::RemoveResponse> removed) mutable {
        if (!removed.ok()) return reply(removed.status());
        reply(v1::RemoveFileResponse());
      });
}

}  // namespace

void StatCloudFile(const FilesOf& files, const std::string& path, Reply<v1::FileEntry> reply) {
  e2b::StatRequest request;
  request.set_path(path);
  AskFiles<e2b::StatResponse>(files, "/filesystem.Filesystem/Stat", request, HttpAgain::kAlways,
                              EntryOf<e2b::StatResponse>(std::move(reply)));
}

void ListCloudDirectory(const FilesOf& files, const std::string& path, uint32_t depth,
                        Reply<Entries> reply) {
  e2b::ListDirRequest request;
  request.set_path(path);
  request.set_depth(depth);
  AskFiles<e2b::ListDirResponse>(
      files, "/filesystem.Filesystem/ListDir", request, HttpAgain::kAlways,
      [reply = std::move(reply)](absl::StatusOr<e2b::ListDirResponse> list) mutable {
        if (!list.ok()) {
          // envd's word for a file that is none.
          if (absl::IsInvalidArgument(list.status()))
            return reply(absl::FailedPreconditionError(list.status().message()));
          return reply(list.status());
        }
        Entries entries;
        for (const e2b::EntryInfo& info : list->entries()) {
          auto entry = ToFileEntry(info);
          if (!entry.ok()) return reply(entry.status());
          entries.push_back(*std::move(entry));
        }
        reply(std::move(entries));
      });
}

void MakeCloudDirectory(const FilesOf& files, const v1::MakeDirectoryRequest& request,
                        Reply<v1::FileEntry> reply) {
  e2b::MakeDirRequest make;
  make.set_path(request.path());
  const uint32_t mode = request.has_mode() ? request.mode() : kDirectoryMode;
  AskFiles<e2b::MakeDirResponse>(
      files, "/filesystem.Filesystem/MakeDir", make, HttpAgain::kIfNotDone,
      [files, mode, path = request.path(),
       reply = std::move(reply)](absl::StatusOr<e2b::MakeDirResponse> made) mutable {
        if (!made.ok()) return reply(made.status());
        if (mode != kDirectoryMode) return ChangeCloudMode(files, path, mode, std::move(reply));
        reply(ToFileEntry(made->entry()));
      });
}

void MoveCloudFile(const FilesOf& files, const v1::MoveFileRequest& request,
                   Reply<v1::FileEntry> reply) {
  e2b::MoveRequest move;
  move.set_source(request.source());
  move.set_destination(request.destination());
  AskFiles<e2b::MoveResponse>(files, "/filesystem.Filesystem/Move", move, HttpAgain::kIfNotDone,
                              EntryOf<e2b::MoveResponse>(std::move(reply)));
}

void RemoveCloudFile(const FilesOf& files, const v1::RemoveFileRequest& request,
                     Reply<v1::RemoveFileResponse> reply) {
  StatCloudFile(
      files, request.path(),
      [files, path = request.path(), recursive = request.recursive(),
       reply = std::move(reply)](absl::StatusOr<v1::FileEntry> entry) mutable {
        if (!entry.ok()) return reply(entry.status());
        if (recursive || entry->type() != v1::FileEntry::DIRECTORY)
          return RemoveNow(files, path, std::move(reply));
        ListCloudDirectory(
            files, path, 1,
            [files, path, reply = std::move(reply)](absl::StatusOr<Entries> list) mutable {
              if (!list.ok()) return reply(list.status());
              if (list->empty()) return RemoveNow(files, path, std::move(reply));
              reply(absl::FailedPreconditionError(
                  "the directory is not empty: remove it recursively, with all that is in it"));
            });
      });
}

void ChangeCloudMode(const FilesOf& files, const std::string& path, uint32_t mode,
                     Reply<v1::FileEntry> reply) {
  CloudCommand::Spec spec{{"chmod", "--", absl::StrFormat("%04o", mode), path}, files.user};
  CloudCommand::Run(files.cloud, files.sandbox, spec,
                    [files, path, reply = std::move(reply)](
                        absl::StatusOr<CloudCommand::Outcome> outcome) mutable {
                      if (!outcome.ok()) return reply(outcome.status());
                      if (outcome->exit_code != 0) {
                        return reply(absl::FailedPreconditionError(absl::StrCat(
                            "it is there, but its mode could not be set: ", outcome->words)));
                      }
                      StatCloudFile(files, path, std::move(reply));
                    });
}

}  // namespace warren
