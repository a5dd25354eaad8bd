#include "supervisor/e2b/http/http_ask.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/cord.h"

namespace warren {
namespace {

constexpr std::chrono::milliseconds kFirstHttpRetry{100};
constexpr char kMayBeSent[] = "warren/may-be-sent";

using AskCallback = absl::AnyInvocable<void(absl::StatusOr<HttpAnswer>)>;

bool IsTooMany(const HttpHead& head) { return head.status == 429; }
bool IsAway(const HttpHead& head) { return head.status == 502 || head.status == 503; }

// Its attempts, one after the other. It is the sink of each, so it outlives the HttpAsk by what is
// on the stack.
class Attempts final : public HttpSink, public std::enable_shared_from_this<Attempts> {
 public:
  Attempts(HttpClient& client, IoLoop& loop, MemoryBudget* memory, HttpRequest request,
           HttpAgain again, AskCallback callback)
      : client_(client),
        loop_(loop),
        request_(std::move(request)),
        again_(again),
        callback_(std::move(callback)),
        charge_(memory) {
    if (request_.timeout.count() > 0) deadline_ = MonotonicClock::now() + request_.timeout;
  }

  void Begin();
  void Cancel();

  void OnHead(const HttpHead& head) override { answer_.head = head; }
  Flow OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status, bool sent) override;

 private:
  Flow Refuse(const char* why);
  bool MayAskAgain(const absl::Status& status, bool sent) const;
  MonotonicTime NextTime();
  void Tell(absl::StatusOr<HttpAnswer> answer);

  HttpClient& client_;
  IoLoop& loop_;
  const HttpRequest request_;
  const HttpAgain again_;
  // Null once it was called, or may not be any more.
  AskCallback callback_;
  MonotonicTime deadline_ = MonotonicTime::max();
  absl::BitGen random_;
  int attempt_ = 0;
  // By any of them.
  bool may_be_sent_ = false;
  TimerId timer_ = 0;
  HttpAnswer answer_;
  // Of its body.
  MemoryCharge charge_;
  std::unique_ptr<HttpCall> call_;
};

void Attempts::Begin() {
  // The end may come from within Start, and whoever hears of it lets go of this.
  const std::shared_ptr<Attempts> self = shared_from_this();
  ++attempt_;
  answer_ = {};
  charge_.Clear();
  HttpRequest request = request_;
  if (deadline_ != MonotonicTime::max()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - MonotonicClock::now());
    // 0 would be no limit.
    request.timeout = std::max(left, std::chrono::milliseconds(1));
  }
  call_ = client_.Start(std::move(request), self);
}

void Attempts::Cancel() {
  callback_ = nullptr;
  loop_.CancelTimer(timer_);
  call_ = nullptr;
}

Flow Attempts::OnBytes(absl::string_view bytes) {
  if (answer_.body.size() + bytes.size() > kMaxHttpAnswer) {
    return Refuse("the cloud's answer is too long");
  }
  if (!charge_.TryAdd(static_cast<int64_t>(bytes.size()))) {
    return Refuse("the memory for answers of the cloud is used up; try again");
  }
  answer_.body.append(bytes.data(), bytes.size());
  return Flow::kContinue;
}

// What has an answer was sent.
Flow Attempts::Refuse(const char* why) {
  absl::Status status = absl::ResourceExhaustedError(why);
  MarkMayBeSent(status);
  Tell(std::move(status));
  return Flow::kContinue;
}

void Attempts::OnEnd(absl::Status status, bool sent) {
  may_be_sent_ = may_be_sent_ || sent;
  if (MayAskAgain(status, sent)) {
    const MonotonicTime next = NextTime();
    if (next < deadline_) {
      timer_ = loop_.AddTimer(next, [this] { Begin(); });
      return;
    }
  }
  if (status.ok()) return Tell(std::move(answer_));
  if (may_be_sent_) MarkMayBeSent(status);
  Tell(std::move(status));
}

bool Attempts::MayAskAgain(const absl::Status& status, bool sent) const {
  if (attempt_ == kMaxHttpAttempts) return false;
  if (status.ok()) {
    return IsTooMany(answer_.head) || (again_ == HttpAgain::kAlways && IsAway(answer_.head));
  }
  return absl::IsUnavailable(status) && (!sent || again_ == HttpAgain::kAlways);
}

MonotonicTime Attempts::NextTime() {
  const MonotonicTime now = MonotonicClock::now();
  if (answer_.head.retry_after_seconds >= 0)
    return now + std::chrono::seconds(answer_.head.retry_after_seconds);
  // Those that failed together do not come together again.
  const double factor = absl::Uniform(random_, 0.5, 1.5);
  return now + std::chrono::duration_cast<MonotonicClock::duration>(factor * (1 << (attempt_ - 1)) *
                                                                    kFirstHttpRetry);
}

void Attempts::Tell(absl::StatusOr<HttpAnswer> answer) {
  AskCallback callback = std::exchange(callback_, nullptr);
  call_ = nullptr;
  callback(std::move(answer));
}

class HeldAsk final : public HttpAsk {
 public:
  explicit HeldAsk(std::shared_ptr<Attempts> attempts) : attempts_(std::move(attempts)) {}
  ~HeldAsk() override { attempts_->Cancel(); }

 private:
  const std::shared_ptr<Attempts> attempts_;
};

}  // namespace

void MarkMayBeSent(absl::Status& status) { status.SetPayload(kMayBeSent, absl::Cord()); }

bool MayBeSent(const absl::Status& status) { return status.GetPayload(kMayBeSent).has_value(); }

std::unique_ptr<HttpAsk> AskHttp(HttpClient& client, IoLoop& loop, MemoryBudget* memory,
                                 HttpRequest request, HttpAgain again, AskCallback callback) {
  auto attempts = std::make_shared<Attempts>(client, loop, memory, std::move(request), again,
                                             std::move(callback));
  attempts->Begin();
  return std::make_unique<HeldAsk>(std::move(attempts));
}

}  // namespace warren
