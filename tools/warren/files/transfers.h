#ifndef WARREN_TOOLS_WARREN_FILES_TRANSFERS_H_
#define WARREN_TOOLS_WARREN_FILES_TRANSFERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/warren/client.h"
#include "tools/warren/interrupts.h"

// Files of a sandbox, read and written whole, and its directories. An interrupt cancels the call.
namespace warren {

struct RemotePath {
  std::string sandbox_id;
  std::string path;
  // Empty for the sandbox's profile.
  std::string user;
};

// How a transfer went: what failed on our side, or at the server.
struct Transfer {
  absl::Status local;
  grpc::Status remote;
  // Of what was carried, where it was carried to its end.
  int64_t size_bytes = 0;
  std::string sha256;

  bool ok() const { return local.ok() && remote.ok(); }
};

// Hands over the parts of a file as they come. OK means that all of it came, with the digest that
// the server told: `sink` may have got what is not the file otherwise.
Transfer ReadRemoteFile(Client& client, Interrupts& interrupts, const RemotePath& file,
                        const std::function<absl::Status(absl::string_view)>& sink);

struct NewRemoteFile {
  RemotePath file;
  mode_t mode = 0644;
};
// Makes or replaces a file with what `source` gives, part by part, until that is empty. OK means
// that the server has what was sent, by its digest.
Transfer WriteRemoteFile(Client& client, Interrupts& interrupts, const NewRemoteFile& file,
                         const std::function<absl::StatusOr<std::string>()>& source);

grpc::Status StatRemote(Client& client, const RemotePath& file, v1::FileEntry* entry);

// What is in a directory, not itself; `levels` of them, 0 for all. Directories come before what is
// in them; those below that may not be read are `not_listed`. RESOURCE_EXHAUSTED for more than
// kMaxListed entries: it is the sandbox that says how many.
inline constexpr size_t kMaxListed = 1 << 20;
grpc::Status ListRemote(Client& client, Interrupts& interrupts, const RemotePath& directory,
                        int levels, std::vector<v1::FileEntry>* entries);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_TRANSFERS_H_
