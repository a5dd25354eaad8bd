#include "supervisor/e2b/http/curl_lane.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/e2b/http/transfer.h"

namespace warren {
namespace {

uint32_t EventsOf(int wanted) {
  switch (wanted) {
    case CURL_POLL_IN:
      return EPOLLIN;
    case CURL_POLL_OUT:
      return EPOLLOUT;
    default:
      return EPOLLIN | EPOLLOUT;
  }
}

int SelectedBy(uint32_t events) {
  int selected = 0;
  if ((events & EPOLLIN) != 0) selected |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) selected |= CURL_CSELECT_OUT;
  // 0: it looks for itself.
  return selected;
}

}  // namespace

absl::StatusOr<std::shared_ptr<CurlLane>> CurlLane::Make(IoLoop& loop, int connections) {
  std::shared_ptr<CurlLane> lane(new CurlLane(loop));
  CURLM* const multi = lane->multi_.get();
  if (multi == nullptr) return absl::ResourceExhaustedError("there is no memory for connections");
  ::curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, OnSocket);
  ::curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane.get());
  ::curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, OnTimer);
  ::curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane.get());
  ::curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, long{connections});
  ::curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, long{connections});
  ::curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, long{connections});
  ::curl_multi_setopt(multi, CURLMOPT_PIPELINING, long{CURLPIPE_MULTIPLEX});
  return lane;
}

CurlLane::~CurlLane() { Close(); }

absl::Status CurlLane::Add(std::shared_ptr<Transfer> transfer) {
  Transfer& added = *transfer;
  const CURLMcode code = ::curl_multi_add_handle(multi_.get(), added.easy());
  if (code != CURLM_OK) return absl::InternalError(::curl_multi_strerror(code));
  transfers_.emplace(&added, std::move(transfer));
  return absl::OkStatus();
}

void CurlLane::Detach(CURL* easy) { ::curl_multi_remove_handle(multi_.get(), easy); }

void CurlLane::Forget(Transfer& transfer) { transfers_.erase(&transfer); }

void CurlLane::Wants(Transfer& transfer) {
  const auto found = transfers_.find(&transfer);
  // Each is there once: it tells all that there is.
  if (found == transfers_.end() || !transfer.BecomesDue()) return;
  due_.push_back(found->second);
  if (driving_ || settle_ != 0) return;
  settle_ = loop_.AddTimer(MonotonicClock::now(), [this] {
    settle_ = 0;
    Settle();
  });
}

void CurlLane::Close() {
  loop_.CancelTimer(std::exchange(settle_, 0));
  due_.clear();
  // Silence forgets the transfer, which this one holds meanwhile.
  while (!transfers_.empty()) {
    const std::shared_ptr<Transfer> transfer = transfers_.begin()->second;
    transfer->Silence();
  }
  multi_.reset();
  loop_.CancelTimer(std::exchange(timer_, 0));
  for (const auto& [socket, watch] : std::exchange(watches_, {})) loop_.Unwatch(watch);
}

curl_socket_t CurlLane::OpenSocket(void* lane, curlsocktype, curl_sockaddr* where) {
  const int socket = ::socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
  if (socket < 0) return CURL_SOCKET_BAD;
  ++static_cast<CurlLane*>(lane)->connections_;
  return socket;
}

int CurlLane::CloseSocket(void* lane, curl_socket_t socket) {
  --static_cast<CurlLane*>(lane)->connections_;
  return ::close(socket);
}

int CurlLane::OnSocket(CURL*, curl_socket_t socket, int wanted, void* lane, void*) {
  CurlLane& self = *static_cast<CurlLane*>(lane);
  if (wanted == CURL_POLL_REMOVE) {
    self.Unwatch(socket);
  } else {
    self.Watch(socket, EventsOf(wanted));
  }
  return 0;
}

void CurlLane::Watch(int socket, uint32_t events) {
  const auto found = watches_.find(socket);
  absl::Status status;
  if (found != watches_.end()) {
    status = loop_.Modify(found->second, events);
  } else {
    absl::StatusOr<IoLoop::WatchId> watch = loop_.Watch(
        socket, events, [this, socket](uint32_t came) { Drive(socket, SelectedBy(came)); });
    status = watch.status();
    if (watch.ok()) watches_.emplace(socket, *watch);
  }
  // Its calls end by their times.
  if (!status.ok())
    spdlog::error("event=http_watch_failed error=\"{}\"", absl::CEscape(status.message()));
}

void CurlLane::Unwatch(int socket) {
  const auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  loop_.Unwatch(found->second);
  watches_.erase(found);
}

int CurlLane::OnTimer(CURLM*, long millis, void* lane) {
  CurlLane& self = *static_cast<CurlLane*>(lane);
  self.loop_.CancelTimer(std::exchange(self.timer_, 0));
  if (millis < 0) return 0;
  self.timer_ =
      self.loop_.AddTimer(MonotonicClock::now() + std::chrono::milliseconds(millis), [&self] {
        self.timer_ = 0;
        self.Drive(CURL_SOCKET_TIMEOUT, 0);
      });
  return 0;
}

void CurlLane::Drive(curl_socket_t socket, int events) {
  // The client may be destroyed on the way.
  const std::shared_ptr<CurlLane> self = shared_from_this();
  int running = 0;
  driving_ = true;
  ::curl_multi_socket_action(multi_.get(), socket, events, &running);
  ReadMessages();
  Settle();
}

void CurlLane::ReadMessages() {
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    // It goes with the handle.
    const CURLcode code = message->data.result;
    char* transfer = nullptr;
    ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    reinterpret_cast<Transfer*>(transfer)->OnDone(code);
  }
}

void CurlLane::Settle() {
  const std::shared_ptr<CurlLane> self = shared_from_this();
  loop_.CancelTimer(std::exchange(settle_, 0));
  driving_ = true;
  // Telling may unpause, by which more comes at once; and Close leaves nothing to tell.
  while (!due_.empty()) {
    const std::shared_ptr<Transfer> transfer = std::move(due_.front());
    due_.pop_front();
    transfer->Deliver();
  }
  driving_ = false;
}

}  // namespace warren
