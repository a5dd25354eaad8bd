// A store for tests of the launcher: it writes into the directory that it was given, once for each
// request. Speaks store.proto as far as the launcher does, on fd 3; confines itself by nothing.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "warren/internal/store.pb.h"

namespace warren {
namespace {

constexpr int kLauncher = 3;
constexpr size_t kMaxOrder = 1 << 20;

// Answers with the bound that it was told, or with the name of the error.
void Serve(int supervisor, int directory, int64_t max_bytes) {
  auto message = ReceiveMessage(supervisor, 128 << 10);
  internal::StoreRequest request;
  if (!message.ok() || message->data.empty() || !request.ParseFromString(message->data)) return;
  const std::string name = absl::StrCat("written-", request.id());
  const UniqueFd file(
      ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  internal::StoreReply reply;
  reply.set_id(request.id());
  reply.set_message(file.valid() ? absl::StrCat(max_bytes, " bytes") : strerrorname_np(errno));
  SendMessage(supervisor, reply.SerializeAsString(), {}).IgnoreError();
}

int Run() {
  auto message = ReceiveMessage(kLauncher, kMaxOrder);
  internal::StoreOrder order;
  if (!message.ok() || !order.ParseFromString(message->data) || !order.has_setup() ||
      message->fds.size() != 3 || order.setup().profile().empty()) {
    return 1;
  }
  const int supervisor = message->fds[0].get();
  const int directory = message->fds[2].get();
  while (true) {
    pollfd waits[] = {{kLauncher, POLLIN, 0}, {supervisor, POLLIN, 0}};
    ::poll(waits, 2, -1);
    if (waits[0].revents != 0) return 1;
    if ((waits[1].revents & POLLHUP) != 0) return 0;
    if (waits[1].revents != 0) Serve(supervisor, directory, order.setup().max_bytes());
  }
}

}  // namespace
}  // namespace warren

int main() {
  ::prctl(PR_SET_NAME, "warren-store");
  return warren::Run();
}
