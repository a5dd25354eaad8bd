#include "supervisor/e2b/http/transfer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/e2b/http/http_errors.h"
#include "supervisor/e2b/http/response_head.h"

namespace warren {
namespace {

// Of an answer's header fields, with those of interim answers and trailers.
constexpr size_t kMaxHeadBytes = 64 << 10;
// What is taken in before it is told, beside what curl reads at once.
constexpr size_t kMaxHeldBytes = 256 << 10;
// What waits to be sent: beyond the first its source is paused, below the second it goes on.
constexpr size_t kUploadPauses = 1 << 20;
constexpr size_t kUploadGoesOn = 256 << 10;

bool IsEndOfHead(absl::string_view line) { return line == "\r\n" || line == "\n"; }

}  // namespace

Transfer::Transfer(CurlLane& lane, FailureLog& log, CurlRequest request, HttpRequest asked,
                   std::shared_ptr<HttpSink> sink)
    : lane_(&lane),
      log_(log),
      request_(std::move(request)),
      sink_(std::move(sink)),
      timeout_(asked.timeout),
      stall_(asked.stall),
      is_repeatable_(asked.method == "GET" || asked.method == "HEAD") {
  body_.Add(std::move(asked.body));
  if (!asked.streams_body) body_.Close();
  SetCallbacks();
}

Transfer::~Transfer() { Cancel(); }

void Transfer::SetCallbacks() {
  ::curl_easy_setopt(easy(), CURLOPT_PRIVATE, this);
  ::curl_easy_setopt(easy(), CURLOPT_ERRORBUFFER, error_);
  ::curl_easy_setopt(easy(), CURLOPT_HEADERFUNCTION, OnHeader);
  ::curl_easy_setopt(easy(), CURLOPT_HEADERDATA, this);
  ::curl_easy_setopt(easy(), CURLOPT_WRITEFUNCTION, OnBody);
  ::curl_easy_setopt(easy(), CURLOPT_WRITEDATA, this);
  ::curl_easy_setopt(easy(), CURLOPT_READFUNCTION, OnRead);
  ::curl_easy_setopt(easy(), CURLOPT_READDATA, this);
  ::curl_easy_setopt(easy(), CURLOPT_PREREQFUNCTION, OnConnected);
  ::curl_easy_setopt(easy(), CURLOPT_PREREQDATA, this);
  ::curl_easy_setopt(easy(), CURLOPT_OPENSOCKETFUNCTION, CurlLane::OpenSocket);
  ::curl_easy_setopt(easy(), CURLOPT_OPENSOCKETDATA, lane_);
  ::curl_easy_setopt(easy(), CURLOPT_CLOSESOCKETFUNCTION, CurlLane::CloseSocket);
  ::curl_easy_setopt(easy(), CURLOPT_CLOSESOCKETDATA, lane_);
}

absl::Status Transfer::Begin() {
  WARREN_RETURN_IF_ERROR(lane_->Add(shared_from_this()));
  if (timeout_.count() > 0) {
    timeout_timer_ = lane_->loop().AddTimer(MonotonicClock::now() + timeout_, [this] {
      End(HttpTimeoutError(), absl::StrCat("not over after ", timeout_.count(), " ms"));
    });
  }
  return absl::OkStatus();
}

size_t Transfer::OnHeader(char* line, size_t, size_t size, void* transfer) {
  Transfer& self = *static_cast<Transfer*>(transfer);
  self.Moves();
  self.head_bytes_ += size;
  if (self.head_bytes_ > kMaxHeadBytes) {
    self.head_is_too_long_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (self.has_head_ || !IsEndOfHead({line, size})) return size;
  HttpHead head = ReadResponseHead(self.easy());
  // Else another follows.
  if (head.status < 200) return size;
  self.has_head_ = true;
  self.head_ = std::move(head);
  self.lane_->Wants(self);
  return size;
}

size_t Transfer::OnBody(char* bytes, size_t, size_t size, void* transfer) {
  Transfer& self = *static_cast<Transfer*>(transfer);
  self.Moves();
  if (self.sink_paused_ || self.bytes_.size() >= kMaxHeldBytes) {
    self.receive_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  self.bytes_.append(bytes, size);
  self.lane_->Wants(self);
  return size;
}

size_t Transfer::OnRead(char* room, size_t, size_t size, void* transfer) {
  Transfer& self = *static_cast<Transfer*>(transfer);
  self.Moves();
  if (self.body_.size() == 0 && !self.body_.closed()) {
    self.send_paused_ = true;
    return CURL_READFUNC_PAUSE;
  }
  const size_t taken = self.body_.Take(room, size);
  if (self.wants_room_ && self.body_.size() < kUploadGoesOn) self.lane_->Wants(self);
  return taken;
}

// Before each time that the request is sent. Curl sends one again by itself where a connection that
// it had kept is closed before an answer, though the server may have read it.
int Transfer::OnConnected(void* transfer, char*, char*, int, int) {
  Transfer& self = *static_cast<Transfer*>(transfer);
  if (self.sent_ && !self.is_repeatable_) {
    self.is_sent_again_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  self.sent_ = true;
  self.Moves();
  self.ArmStall();
  return CURL_PREREQFUNC_OK;
}

void Transfer::OnDone(CURLcode code) {
  absl::Status outcome = HttpErrorOf(code);
  // To curl a head that breaks off is one.
  if (outcome.ok() && !has_head_) outcome = HttpBrokenError();
  if (head_is_too_long_) outcome = HttpHeadTooLongError();
  if (is_sent_again_) outcome = HttpBrokenError();
  End(std::move(outcome),
      absl::StrCat(::curl_easy_strerror(code), *error_ != '\0' ? ": " : "", error_));
}

void Transfer::End(absl::Status outcome, absl::string_view reason) {
  if (!outcome.ok()) log_.Add(absl::StrCat(outcome.message(), ": ", reason));
  LetGo();
  outcome_ = std::move(outcome);
  lane_->Wants(*this);
}

void Transfer::LetGo() {
  lane_->loop().CancelTimer(std::exchange(timeout_timer_, 0));
  lane_->loop().CancelTimer(std::exchange(stall_timer_, 0));
  if (!request_) return;
  lane_->Detach(easy());
  request_.reset();
}

void Transfer::Cancel() {
  if (has_ended()) return;
  LetGo();
  // At last, for what it holds may be the call that cancels this.
  const std::shared_ptr<HttpSink> sink = std::move(sink_);
  std::exchange(lane_, nullptr)->Forget(*this);
}

void Transfer::Deliver() {
  due_ = false;
  TellHead();
  TellBytes();
  TellRoom();
  if (has_ended() || sink_paused_) return;
  if (outcome_) {
    TellEnd();
  } else if (std::exchange(receive_paused_, false)) {
    ApplyPauses();
  }
}

void Transfer::TellHead() {
  if (has_ended() || !head_) return;
  // Of an answer that refuses the rest of a body curl takes nothing any more, but would wait for it
  // to be unpaused.
  if (std::exchange(send_paused_, false)) ApplyPauses();
  const std::shared_ptr<HttpSink> sink = sink_;
  const HttpHead head = *std::exchange(head_, std::nullopt);
  sink->OnHead(head);
}

void Transfer::TellBytes() {
  if (has_ended() || sink_paused_ || bytes_.empty()) return;
  const std::shared_ptr<HttpSink> sink = sink_;
  const std::string bytes = std::exchange(bytes_, {});
  // Before the call, from within which it may be resumed already.
  sink_paused_ = true;
  resumed_ = false;
  const Flow flow = sink->OnBytes(bytes);
  sink_paused_ = flow == Flow::kPause && !resumed_;
}

void Transfer::TellRoom() {
  if (has_ended() || outcome_ || !wants_room_ || body_.size() >= kUploadGoesOn) return;
  wants_room_ = false;
  const std::shared_ptr<HttpSink> sink = sink_;
  sink->OnRoom();
}

void Transfer::TellEnd() {
  const std::shared_ptr<HttpSink> sink = std::move(sink_);
  std::exchange(lane_, nullptr)->Forget(*this);
  sink->OnEnd(*outcome_, sent_);
}

void Transfer::Resume() {
  resumed_ = true;
  if (has_ended() || !std::exchange(sink_paused_, false)) return;
  Moves();
  lane_->Wants(*this);
}

Flow Transfer::Write(std::string data) {
  // Nothing is sent any more; the end is on its way.
  if (has_ended() || outcome_) return Flow::kContinue;
  body_.Add(std::move(data));
  if (std::exchange(send_paused_, false)) ApplyPauses();
  if (body_.size() <= kUploadPauses) return Flow::kContinue;
  wants_room_ = true;
  return Flow::kPause;
}

void Transfer::CloseBody() {
  body_.Close();
  if (has_ended() || outcome_) return;
  if (std::exchange(send_paused_, false)) ApplyPauses();
}

void Transfer::ApplyPauses() {
  Moves();
  const CURLcode code =
      ::curl_easy_pause(easy(), (receive_paused_ ? CURLPAUSE_RECV : CURLPAUSE_CONT) |
                                    (send_paused_ ? CURLPAUSE_SEND : CURLPAUSE_CONT));
  // What had come meanwhile is taken in within, and may be too much. Without a connection there is
  // nothing to go on with.
  if (code != CURLE_OK && code != CURLE_BAD_FUNCTION_ARGUMENT) OnDone(code);
}

void Transfer::ArmStall() {
  if (stall_.count() <= 0) return;
  lane_->loop().CancelTimer(stall_timer_);
  stall_timer_ = lane_->loop().AddTimer(last_move_ + stall_, [this] { OnStall(); });
}

void Transfer::OnStall() {
  stall_timer_ = 0;
  // It is not the server that does not go on.
  if (sink_paused_ || send_paused_) Moves();
  if (MonotonicClock::now() - last_move_ < stall_) return ArmStall();
  End(HttpStallError(), absl::StrCat("not a byte in ", stall_.count(), " ms"));
}

}  // namespace warren
