#ifndef WARREN_SUPERVISOR_PACKAGES_SERVICE_LINK_H_
#define WARREN_SUPERVISOR_PACKAGES_SERVICE_LINK_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"

namespace warren {

// The supervisor's end of the SOCK_SEQPACKET socket of a service that the launcher starts, and
// starts anew: messages both ways, descriptors to it. What it says is not trusted: who takes a
// message says whether the service goes on being heard.
//
// IO thread only. Lifecycle: constructor → Start for each service → Close, or the end of the loop.
class ServiceLink {
 public:
  // A message of the service's, without descriptors; an error ends the link.
  using Take = std::function<absl::Status(absl::string_view message)>;
  // The service is there, or is not any more; nothing was sent before, and nothing is on its way.
  using Change = std::function<void()>;

  // `name` is for the log. What the service sends is at most `max_message` bytes.
  ServiceLink(IoLoop& loop, std::string name, size_t max_message, Take take, Change on_lost)
      : loop_(loop),
        name_(std::move(name)),
        max_message_(max_message),
        take_(std::move(take)),
        on_lost_(std::move(on_lost)) {}

  // Takes the place of the one before, which is lost.
  void Start(UniqueFd socket);
  // Without a word to anybody: the supervisor is stopping.
  void Close() { Disconnect(); }
  bool connected() const { return socket_.valid(); }
  // It is not trusted any more, or hangs: its socket is closed, which ends it.
  void Lose(absl::string_view why);
  // In order. Of no effect where nobody is connected. A service that lets too much wait is lost.
  void Send(std::string message, UniqueFd fd = {});

 private:
  struct Unsent {
    std::string message;
    UniqueFd fd;
  };
  // Messages handled in a row before others have their turn.
  static constexpr int kMessagesPerTurn = 32;
  static constexpr size_t kMaxUnsent = 16384;

  absl::Status Connect(UniqueFd socket);
  void Disconnect();
  void Read();
  void Flush();
  void SetWriting(uint32_t events);

  IoLoop& loop_;
  const std::string name_;
  const size_t max_message_;
  const Take take_;
  const Change on_lost_;
  UniqueFd socket_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  uint32_t watched_ = 0;
  std::deque<Unsent> unsent_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_SERVICE_LINK_H_
