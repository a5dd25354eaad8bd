#include "supervisor/e2b/http/http_client.h"

#include <curl/curl.h>

#include <utility>

#include "supervisor/e2b/http/curl_lane.h"
#include "supervisor/e2b/http/curl_request.h"
#include "supervisor/e2b/http/failure_log.h"
#include "supervisor/e2b/http/transfer.h"

namespace warren {
namespace {

class CurlCall final : public HttpCall {
 public:
  explicit CurlCall(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
  ~CurlCall() override { transfer_->Cancel(); }

  void Resume() override { transfer_->Resume(); }
  Flow Write(std::string data) override { return transfer_->Write(std::move(data)); }
  void Close() override { transfer_->CloseBody(); }

 private:
  const std::shared_ptr<Transfer> transfer_;
};

using CurlLanes = std::array<std::shared_ptr<CurlLane>, kHttpLanes>;

class CurlClient final : public HttpClient {
 public:
  CurlClient(HttpOptions options, CurlLanes lanes)
      : options_(std::move(options)), log_(options_.name), lanes_(std::move(lanes)) {}
  // A lane may outlive it where it is destroyed from within.
  ~CurlClient() override {
    for (const std::shared_ptr<CurlLane>& lane : lanes_) lane->Close();
  }

  std::unique_ptr<HttpCall> Start(HttpRequest request, std::shared_ptr<HttpSink> sink) override;
  int connections() const override;

 private:
  const HttpOptions options_;
  FailureLog log_;
  const CurlLanes lanes_;
};

std::unique_ptr<HttpCall> CurlClient::Start(HttpRequest request, std::shared_ptr<HttpSink> sink) {
  absl::StatusOr<CurlRequest> made = CurlRequest::Make(request, options_);
  absl::Status status = made.status();
  if (status.ok()) {
    CurlLane& lane = *lanes_[static_cast<size_t>(request.lane)];
    auto transfer =
        std::make_shared<Transfer>(lane, log_, *std::move(made), std::move(request), sink);
    status = transfer->Begin();
    if (status.ok()) return std::make_unique<CurlCall>(std::move(transfer));
  }
  log_.Add(status.message());
  sink->OnEnd(std::move(status), false);
  return nullptr;
}

int CurlClient::connections() const {
  int open = 0;
  for (const std::shared_ptr<CurlLane>& lane : lanes_) open += lane->connections();
  return open;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Make(IoLoop& loop, HttpOptions options) {
  static const CURLcode ready = ::curl_global_init(CURL_GLOBAL_ALL);
  if (ready != CURLE_OK) return absl::InternalError("libcurl cannot be initialized");
  if (options.tls.certificate.empty() != options.tls.key.empty())
    return absl::InvalidArgumentError("a client's certificate and its key come both or not at all");
  CurlLanes lanes;
  for (size_t i = 0; i < lanes.size(); ++i) {
    // 0 would be no limit.
    if (options.connections[i] < 1)
      return absl::InvalidArgumentError("each lane needs one connection at least");
    absl::StatusOr<std::shared_ptr<CurlLane>> lane = CurlLane::Make(loop, options.connections[i]);
    if (!lane.ok()) return lane.status();
    lanes[i] = *std::move(lane);
  }
  return std::make_unique<CurlClient>(std::move(options), std::move(lanes));
}

}  // namespace warren
