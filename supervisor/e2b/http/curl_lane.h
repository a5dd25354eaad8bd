#ifndef WARREN_SUPERVISOR_E2B_HTTP_CURL_LANE_H_
#define WARREN_SUPERVISOR_E2B_HTTP_CURL_LANE_H_

#include <curl/curl.h>

#include <deque>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/loop/io_loop.h"

namespace warren {

class Transfer;

// Calls that share connections: one multi handle of curl's, whose descriptors and timer are an
// IoLoop's.
//
// Curl does not like to be called from within its own callbacks. So these only note what has come;
// whoever asked for it is told by Settle, when curl has returned, and may do there whatever it
// likes: begin and end calls, and destroy the client, which closes the lane.
//
// For the loop's thread, but for Make. Lifecycle: Make → Add* → Close.
class CurlLane : public std::enable_shared_from_this<CurlLane> {
 public:
  static absl::StatusOr<std::shared_ptr<CurlLane>> Make(IoLoop& loop, int connections);
  ~CurlLane();
  CurlLane(const CurlLane&) = delete;
  CurlLane& operator=(const CurlLane&) = delete;

  // Curl begins with it. It is held until it is forgotten.
  absl::Status Add(std::shared_ptr<Transfer> transfer);
  // Curl has nothing to do with it any more.
  void Detach(CURL* easy);
  // Nothing is to be told of it any more.
  void Forget(Transfer& transfer);
  // There is something to tell of it: Transfer::Deliver is called, from the loop.
  void Wants(Transfer& transfer);
  // Ends all calls without a word, and its connections.
  void Close();

  IoLoop& loop() { return loop_; }
  int connections() const { return connections_; }

  // Curl's, of each easy handle; with the lane as what they get, which a connection keeps.
  static curl_socket_t OpenSocket(void* lane, curlsocktype, curl_sockaddr* where);
  static int CloseSocket(void* lane, curl_socket_t socket);

 private:
  struct FreeMulti {
    void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
  };

  explicit CurlLane(IoLoop& loop) : loop_(loop), multi_(::curl_multi_init()) {}
  static int OnSocket(CURL*, curl_socket_t socket, int wanted, void* lane, void*);
  static int OnTimer(CURLM*, long millis, void* lane);
  void Watch(int socket, uint32_t events);
  void Unwatch(int socket);
  // Lets curl go on.
  void Drive(curl_socket_t socket, int events);
  void ReadMessages();
  void Settle();

  IoLoop& loop_;
  // Of those that have not ended.
  std::map<const Transfer*, std::shared_ptr<Transfer>> transfers_;
  // Of which there is something to tell.
  std::deque<std::shared_ptr<Transfer>> due_;
  std::map<int, IoLoop::WatchId> watches_;
  // Curl's, and that of Settle where curl is not at work.
  TimerId timer_ = 0;
  TimerId settle_ = 0;
  // Settle comes anyway.
  bool driving_ = false;
  int connections_ = 0;
  // First to go: it still calls back.
  std::unique_ptr<CURLM, FreeMulti> multi_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_CURL_LANE_H_
