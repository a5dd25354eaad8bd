#include "runtime/store/package_receiver.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/store/package_files.h"
#include "runtime/store/package_writer.h"
#include "runtime/store/store_files.h"

namespace warren {
namespace {

constexpr size_t kReceivedBytes = 128 << 10;
constexpr mode_t kTreeMode = 0755;

absl::Status AwaitBytes(int socket, absl::Duration patience, const StopSignal& stop) {
  pollfd waited[2] = {{socket, POLLIN, 0}, {stop.fd(), POLLIN, 0}};
  const int64_t milliseconds =
      std::min<int64_t>(absl::ToInt64Milliseconds(patience), std::numeric_limits<int>::max());
  const int ready = ::poll(waited, 2, static_cast<int>(milliseconds));
  WARREN_RETURN_IF_ERROR(stop.Check());
  if (ready < 0 && errno != EINTR) return Errno("wait for the builder");
  if (ready == 0) {
    return absl::DeadlineExceededError(
        absl::StrCat("the builder sent nothing for ", absl::FormatDuration(patience)));
  }
  return absl::OkStatus();
}

// Into tmp/NAME, which is there.
absl::StatusOr<internal::PackageManifest> ReceiveInto(int directory,
                                                      const internal::StoredPackage& package,
                                                      int socket, const ReceiveBounds& bounds,
                                                      SpaceHold& hold, const StopSignal& stop) {
  if (::mkdirat(directory, kTreeDirectory, kTreeMode) != 0) return Errno("make a package's tree");
  WARREN_RETURN_IF_ERROR(hold.Grow(kDirectoryBytes));
  WARREN_ASSIGN_OR_RETURN(const UniqueFd tree, OpenDirectory(directory, kTreeDirectory));
  PackageWriter writer(tree.get(), hold);
  PackageStream stream(bounds.limits, writer);
  WARREN_RETURN_IF_ERROR(ReceiveStream(socket, bounds.patience, stop, stream));
  internal::PackageManifest manifest = writer.TakeManifest(package);
  WARREN_RETURN_IF_ERROR(WriteRecord(directory, kManifestFile, manifest));
  return manifest;
}

}  // namespace

absl::Status ReceiveStream(int socket, absl::Duration patience, const StopSignal& stop,
                           PackageStream& stream) {
  std::vector<char> buffer(kReceivedBytes);
  while (!stream.complete()) {
    WARREN_RETURN_IF_ERROR(stop.Check());
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      WARREN_RETURN_IF_ERROR(stream.Feed({buffer.data(), static_cast<size_t>(count)}));
    } else if (count < 0 && errno == EAGAIN) {
      WARREN_RETURN_IF_ERROR(AwaitBytes(socket, patience, stop));
    } else if (count == 0 || errno == ECONNRESET) {
      return absl::UnavailableError("the builder's connection ended before the package did");
    } else if (errno != EINTR) {
      return Errno("read from the builder");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ReceivedPackage> ReceivePackage(const StoreDirectory& directory,
                                               const internal::StoredPackage& package, int socket,
                                               const ReceiveBounds& bounds, Space& space,
                                               const StopSignal& stop) {
  using Folder = StoreDirectory::Folder;
  WARREN_ASSIGN_OR_RETURN(const std::string temporary, directory.MakeTemporary());
  SpaceHold hold(space);
  const auto receive = [&]() -> absl::StatusOr<internal::StoredPackage> {
    WARREN_ASSIGN_OR_RETURN(const UniqueFd opened,
                            directory.OpenEntry(Folder::kTemporary, temporary));
    WARREN_ASSIGN_OR_RETURN(internal::PackageManifest manifest,
                            ReceiveInto(opened.get(), package, socket, bounds, hold, stop));
    WARREN_RETURN_IF_ERROR(directory.Publish(temporary, Folder::kPackages, package.key()));
    return std::move(*manifest.mutable_package());
  };
  absl::StatusOr<internal::StoredPackage> received = receive();
  if (!received.ok()) {
    // What stays is removed at the next start.
    directory.RemoveTemporary(temporary).IgnoreError();
    return std::move(received).status();
  }
  return ReceivedPackage{*std::move(received), hold.Keep()};
}

}  // namespace warren
