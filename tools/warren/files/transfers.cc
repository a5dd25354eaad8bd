#include "tools/warren/files/transfers.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/warren/files/copy_end.h"
#include "tools/warren/files/digest.h"

namespace warren {
namespace {

// Levels that one call can list.
constexpr int kMaxLevels = 64;

template <typename Request>
void Fill(const RemotePath& file, Request* request) {
  request->set_sandbox_id(file.sandbox_id);
  request->set_path(file.path);
  request->set_user(file.user);
}

absl::Status CheckCarried(const Digest& digest, const std::string& ours, int64_t size,
                          const std::string& sha256) {
  if (digest.size() == size && ours == sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the server's size and digest are not those of what was carried: ", size,
                   " bytes there, ", digest.size(), " here. Copy it again"));
}

// One call's worth of a listing; `further` gets the places, in `entries`, of directories whose
// content is deeper than that.
grpc::Status ListOnce(Client& client, Interrupts& interrupts, const RemotePath& directory,
                      int levels, std::vector<v1::FileEntry>* entries,
                      std::vector<size_t>* further) {
  v1::ListDirectoryRequest request;
  Fill(directory, &request);
  request.set_depth(levels);
  grpc::ClientContext call;
  Interrupts::Scope scope(interrupts, call);
  auto stream = client.files().ListDirectory(&call, request);
  v1::FileEntry entry;
  while (stream->Read(&entry)) {
    if (entries->size() == kMaxListed) {
      call.TryCancel();
      stream->Finish();
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              absl::StrCat("more than ", kMaxListed, " files: take the directories one by one")};
    }
    std::string relative;
    bool below = RelativeTo(directory.path, entry.path(), &relative) && !relative.empty();
    // The lowest level that was asked for.
    if (below && entry.type() == v1::FileEntry::DIRECTORY &&
        std::count(relative.begin(), relative.end(), '/') == levels - 1) {
      further->push_back(entries->size());
    }
    entries->push_back(std::move(entry));
  }
  return stream->Finish();
}

}  // namespace

Transfer ReadRemoteFile(Client& client, Interrupts& interrupts, const RemotePath& file,
                        const std::function<absl::Status(absl::string_view)>& sink) {
  Transfer done;
  v1::ReadFileRequest request;
  Fill(file, &request);
  grpc::ClientContext call;
  Interrupts::Scope scope(interrupts, call);
  auto stream = client.files().ReadFile(&call, request);
  Digest digest;
  bool ended = false;
  v1::ReadFileResponse part;
  while (stream->Read(&part)) {
    if (part.has_data() && done.local.ok()) {
      digest.Add(part.data());
      done.local = sink(part.data());
      if (!done.local.ok()) call.TryCancel();
    } else if (part.has_end()) {
      ended = true;
      done.size_bytes = part.end().size_bytes();
      done.sha256 = part.end().sha256();
    }
  }
  done.remote = stream->Finish();
  if (!done.ok()) return done;
  if (!ended) {
    done.remote = {grpc::StatusCode::DATA_LOSS, "the file broke off before its end"};
    return done;
  }
  done.local = CheckCarried(digest, digest.Finish(), done.size_bytes, done.sha256);
  return done;
}

Transfer WriteRemoteFile(Client& client, Interrupts& interrupts, const NewRemoteFile& file,
                         const std::function<absl::StatusOr<std::string>()>& source) {
  Transfer done;
  grpc::ClientContext call;
  Interrupts::Scope scope(interrupts, call);
  v1::WriteFileResponse response;
  auto stream = client.files().WriteFile(&call, &response);
  v1::WriteFileRequest request;
  Fill(file.file, request.mutable_header());
  request.mutable_header()->set_mode(file.mode & 0777);
  Digest digest;
  bool taken = stream->Write(request);
  while (taken) {
    absl::StatusOr<std::string> data = source();
    if (!data.ok()) {
      done.local = data.status();
      // What came so far is no file.
      call.TryCancel();
      break;
    }
    if (data->empty()) {
      request.mutable_end();
      stream->Write(request);
      break;
    }
    digest.Add(*data);
    request.set_data(*std::move(data));
    taken = stream->Write(request);
  }
  stream->WritesDone();
  done.remote = stream->Finish();
  if (!done.ok()) return done;
  done.size_bytes = response.size_bytes();
  done.sha256 = response.sha256();
  done.local = CheckCarried(digest, digest.Finish(), done.size_bytes, done.sha256);
  return done;
}

grpc::Status StatRemote(Client& client, const RemotePath& file, v1::FileEntry* entry) {
  v1::StatFileRequest request;
  Fill(file, &request);
  request.set_follow(true);
  return CallUnary(client.files(), &v1::FileService::Stub::StatFile, request, entry);
}

grpc::Status ListRemote(Client& client, Interrupts& interrupts, const RemotePath& directory,
                        int levels, std::vector<v1::FileEntry>* entries) {
  std::vector<size_t> further;
  if (levels != 0) return ListOnce(client, interrupts, directory, levels, entries, &further);
  grpc::Status status = ListOnce(client, interrupts, directory, kMaxLevels, entries, &further);
  while (status.ok() && !further.empty()) {
    const size_t place = further.back();
    further.pop_back();
    RemotePath next = directory;
    next.path = (*entries)[place].path();
    status = ListOnce(client, interrupts, next, kMaxLevels, entries, &further);
    // As the server says it of those within one call's levels.
    if (status.error_code() != grpc::StatusCode::PERMISSION_DENIED) continue;
    (*entries)[place].set_not_listed(true);
    status = grpc::Status::OK;
  }
  return status;
}

}  // namespace warren
