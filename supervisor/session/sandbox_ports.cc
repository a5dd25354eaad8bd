#include "supervisor/session/sandbox_ports.h"

#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {

absl::Status SandboxPorts::IsDead() const {
  return absl::FailedPreconditionError(
      absl::StrCat("sandbox ", sandbox_id_, " is dead; create a new one"));
}

void SandboxPorts::Connect(uint16_t port, SandboxUse use,
                           Reply<std::unique_ptr<PortConnection>> reply) {
  if (absl::Status status = TakePlace(); !status.ok()) return reply(std::move(status));
  internal::LauncherRequest request;
  request.mutable_connect_port()->set_sandbox_id(sandbox_id_);
  request.mutable_connect_port()->set_port(port);
  host_.link.Call(std::move(request), [self = shared_from_this(), use = std::move(use),
                                       reply = std::move(reply)](
                                          absl::StatusOr<LauncherMessage> answer) mutable {
    auto connection =
        answer.ok() ? self->Take(*std::move(answer), std::move(use))
                    : absl::StatusOr<std::unique_ptr<PortConnection>>(
                          absl::IsNotFound(answer.status()) ? self->IsDead() : answer.status());
    if (!connection.ok()) self->ReturnPlace();
    reply(std::move(connection));
  });
}

absl::StatusOr<std::unique_ptr<PortConnection>> SandboxPorts::Take(LauncherMessage message,
                                                                   SandboxUse use) {
  if (!message.reply.has_port_connected() || message.fds.size() != 1)
    return absl::InternalError("the launcher's answer lacks its connection");
  UniqueFd& socket = message.fds[0];
  const int number = socket.get();
  {
    MutexLock lock(&mu_);
    // Closed here.
    if (ended_) return IsDead();
    open_.emplace(number, std::move(use));
  }
  return std::make_unique<PortConnection>(
      std::move(socket), [self = shared_from_this(), number] { self->Leave(number); });
}

absl::Status SandboxPorts::TakePlace() {
  MutexLock lock(&mu_);
  if (ended_) return IsDead();
  if (places_ >= kMaxConnections) {
    return absl::ResourceExhaustedError(absl::StrCat("sandbox ", sandbox_id_, " has ",
                                                     kMaxConnections,
                                                     " connections to its ports; end some first"));
  }
  if (!host_.port_connections.TryTake()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "all sandboxes together have ", host_.port_connections.most(),
        " connections to their ports, as many as the server's open files are enough for: end "
        "some, or raise its hard limit (ulimit -Hn)"));
  }
  ++places_;
  return absl::OkStatus();
}

void SandboxPorts::ReturnPlace() {
  MutexLock lock(&mu_);
  --places_;
  host_.port_connections.Return();
}

void SandboxPorts::Leave(int socket) {
  {
    MutexLock lock(&mu_);
    open_.erase(socket);
  }
  ReturnPlace();
}

void SandboxPorts::OnSandboxEnds() {
  MutexLock lock(&mu_);
  ended_ = true;
  for (auto& [socket, use] : open_) {
    // Whatever it says: one that the other end has reset needs none.
    ::shutdown(socket, SHUT_RDWR);
    use.End();
  }
}

}  // namespace warren
