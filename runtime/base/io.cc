#include "runtime/base/io.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "runtime/base/status.h"

namespace warren {
namespace {

template <typename Call>
auto RetryOnInterrupt(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Errno(absl::StrCat("open ", path));
  absl::StatusOr<std::string> content = ReadAll(fd.get(), max_bytes);
  if (content.ok()) return content;
  return absl::Status(content.status().code(),
                      absl::StrCat("read ", path, ": ", content.status().message()));
}

absl::StatusOr<std::string> ReadAll(int fd, size_t max_bytes) {
  std::string content;
  std::array<char, 16384> chunk;
  while (true) {
    ssize_t n = RetryOnInterrupt([&] { return ::read(fd, chunk.data(), chunk.size()); });
    if (n < 0) return Errno("read");
    if (n == 0) return content;
    content.append(chunk.data(), static_cast<size_t>(n));
    if (content.size() > max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("larger than ", max_bytes, " bytes"));
    }
  }
}

absl::Status WriteControlFile(int dirfd, const std::string& path, absl::string_view data) {
  UniqueFd fd(::openat(dirfd, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return Errno(absl::StrCat("open ", path, " for writing"));
  ssize_t n = RetryOnInterrupt([&] { return ::write(fd.get(), data.data(), data.size()); });
  if (n < 0) return Errno(absl::StrCat("write \"", data, "\" to ", path));
  if (static_cast<size_t>(n) != data.size()) {
    return absl::InternalError(absl::StrCat("write to ", path, " was cut short"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Errno("pipe2");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

absl::Status SetNonBlocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return Errno("make a descriptor non-blocking");
  return absl::OkStatus();
}

absl::StatusOr<SocketPair> MakeSeqpacketPair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Errno("socketpair");
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

absl::Status SendMessage(int socket, absl::string_view data, std::span<const int> fds,
                         WhenFull when) {
  if (fds.size() > kMaxFdsPerMessage) {
    return absl::InvalidArgumentError(
        absl::StrCat("send: ", fds.size(), " descriptors in one message"));
  }
  iovec part{const_cast<char*>(data.data()), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFdsPerMessage * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  const int flags = MSG_NOSIGNAL | (when == WhenFull::kFail ? MSG_DONTWAIT : 0);
  ssize_t n = RetryOnInterrupt([&] { return ::sendmsg(socket, &message, flags); });
  if (n >= 0) return absl::OkStatus();
  if (errno == EAGAIN || errno == EPIPE || errno == ECONNRESET) {
    return absl::UnavailableError(absl::StrCat("send: ", std::strerror(errno)));
  }
  return Errno("sendmsg");
}

absl::StatusOr<Message> ReceiveMessage(int socket, size_t max_bytes, WhenCut when_cut) {
  Message result;
  result.data.resize(max_bytes);
  iovec part{result.data.data(), result.data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFdsPerMessage * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t n = RetryOnInterrupt([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (n < 0) {
    if (errno == EAGAIN) return absl::UnavailableError("receive: nothing there");
    if (errno == ECONNRESET)
      n = 0;
    else
      return Errno("recvmsg");
  }
  // Own the descriptors before any check can return.
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      result.fds.emplace_back(fd);
    }
  }
  result.cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (result.cut && when_cut == WhenCut::kFail) {
    return absl::ResourceExhaustedError(absl::StrCat("receive: message larger than ", max_bytes,
                                                     " bytes or with more than ", kMaxFdsPerMessage,
                                                     " descriptors"));
  }
  result.data.resize(static_cast<size_t>(n));
  return result;
}

}  // namespace warren
