#ifndef WARREN_SUPERVISOR_E2B_HTTP_TRANSFER_H_
#define WARREN_SUPERVISOR_E2B_HTTP_TRANSFER_H_

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/e2b/http/curl_lane.h"
#include "supervisor/e2b/http/curl_request.h"
#include "supervisor/e2b/http/failure_log.h"
#include "supervisor/e2b/http/http_client.h"
#include "supervisor/e2b/http/upload_body.h"

namespace warren {

// One call of HTTP on its lane: what curl has taken in of it and its sink was not told yet, what is
// still to be sent, and its times. Those are no options of curl's, whose own do not run while a
// call waits for a connection.
//
// For the loop's thread. Lifecycle: Begin → (OnDone | a time runs out)? → its end is told, or
// Cancel, or Silence. It holds no part of curl from its outcome on, and nothing else from its end
// on. The log outlives it.
class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(CurlLane& lane, FailureLog& log, CurlRequest request, HttpRequest asked,
           std::shared_ptr<HttpSink> sink);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  absl::Status Begin();

  // The call's.
  void Resume();
  Flow Write(std::string data);
  void CloseBody();
  void Cancel();

  // The lane's.
  CURL* easy() const { return request_->easy(); }
  void OnDone(CURLcode code);
  // Tells the sink what there is.
  void Deliver();
  // False where it is due already.
  bool BecomesDue() { return !std::exchange(due_, true); }
  void Silence() { Cancel(); }

 private:
  // Curl's, with the transfer as what they get.
  static size_t OnHeader(char* line, size_t, size_t size, void* transfer);
  static size_t OnBody(char* bytes, size_t, size_t size, void* transfer);
  static size_t OnRead(char* room, size_t, size_t size, void* transfer);
  static int OnConnected(void* transfer, char*, char*, int, int);

  void SetCallbacks();
  void TellHead();
  void TellBytes();
  void TellRoom();
  void TellEnd();
  // Without curl and timers.
  void LetGo();
  void End(absl::Status outcome, absl::string_view reason);
  void Moves() { last_move_ = MonotonicClock::now(); }
  void ArmStall();
  void OnStall();
  // Tells curl which ways are paused.
  void ApplyPauses();
  bool has_ended() const { return lane_ == nullptr; }

  // Null once it has ended.
  CurlLane* lane_;
  FailureLog& log_;
  // Empty once there is an outcome.
  std::optional<CurlRequest> request_;
  std::shared_ptr<HttpSink> sink_;
  const std::chrono::milliseconds timeout_;
  const std::chrono::milliseconds stall_;
  // Whether curl may send it a second time: it changes nothing.
  const bool is_repeatable_;
  char error_[CURL_ERROR_SIZE] = {};

  UploadBody body_;
  // The sink has been told to wait.
  bool wants_room_ = false;
  // Curl waits for more of the body.
  bool send_paused_ = false;

  size_t head_bytes_ = 0;
  bool head_is_too_long_ = false;
  bool has_head_ = false;
  // Until it is told.
  std::optional<HttpHead> head_;
  // Until they are told.
  std::string bytes_;
  bool sink_paused_ = false;
  // Since the last bytes were told.
  bool resumed_ = false;
  // Curl was told to hold back what comes.
  bool receive_paused_ = false;

  // A connection was there, and the request was given to it: from then on it may have arrived.
  bool sent_ = false;
  bool is_sent_again_ = false;
  std::optional<absl::Status> outcome_;
  bool due_ = false;

  MonotonicTime last_move_{};
  TimerId timeout_timer_ = 0;
  TimerId stall_timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_TRANSFER_H_
