#include "supervisor/e2b/base/cloud_requests.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1.
constexpr std::chrono::seconds kAnswerTime{30};
constexpr char kUserAgent[] = "warren";
constexpr char kJsonType[] = "application/json";

HttpRequest Begin(const CloudOptions& options, absl::string_view method, std::string url) {
  HttpRequest request;
  request.method = std::string(method);
  request.url = std::move(url);
  request.headers.emplace_back("User-Agent", kUserAgent);
  request.timeout = std::chrono::milliseconds(
      static_cast<int64_t>(std::chrono::milliseconds(kAnswerTime).count() * options.pace));
  return request;
}

void SetJson(HttpRequest& request, std::string json) {
  if (json.empty()) return;
  request.headers.emplace_back("Content-Type", kJsonType);
  request.body = std::move(json);
}

// envd is under one name for all sandboxes; other ports have a name for each.
std::string SandboxUrl(const CloudOptions& options, const CloudSandbox& sandbox, int port) {
  if (!options.sandbox_url.empty()) return options.sandbox_url;
  const std::string& domain = sandbox.domain.empty() ? options.domain : sandbox.domain;
  if (port == kEnvdPort) return absl::StrCat("https://sandbox.", domain);
  return absl::StrCat("https://", port, "-", sandbox.id, ".", domain);
}

HttpRequest InsideRequest(const CloudOptions& options, const CloudSandbox& sandbox, int port,
                          absl::string_view method, absl::string_view path) {
  HttpRequest request =
      Begin(options, method, absl::StrCat(SandboxUrl(options, sandbox, port), path));
  request.headers.emplace_back("E2b-Sandbox-Id", sandbox.id);
  request.headers.emplace_back("E2b-Sandbox-Port", absl::StrCat(port));
  if (!sandbox.envd_token.empty())
    request.headers.emplace_back("X-Access-Token", sandbox.envd_token);
  if (!sandbox.traffic_token.empty())
    request.headers.emplace_back("E2B-Traffic-Access-Token", sandbox.traffic_token);
  return request;
}

}  // namespace

HttpRequest ControlRequest(const CloudOptions& options, absl::string_view method,
                           absl::string_view path, std::string json) {
  HttpRequest request = Begin(options, method, absl::StrCat(options.api_url, path));
  request.lane = HttpLane::kControl;
  request.headers.emplace_back("X-API-KEY", options.key);
  SetJson(request, std::move(json));
  return request;
}

HttpRequest EnvdRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                        absl::string_view method, absl::string_view path, absl::string_view user) {
  HttpRequest request = InsideRequest(options, sandbox, kEnvdPort, method, path);
  if (!user.empty()) {
    request.headers.emplace_back(
        "Authorization", absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":"))));
  }
  return request;
}

HttpRequest InterpreterRequest(const CloudOptions& options, const CloudSandbox& sandbox,
                               absl::string_view method, absl::string_view path, std::string json) {
  HttpRequest request = InsideRequest(options, sandbox, kInterpreterPort, method, path);
  SetJson(request, std::move(json));
  return request;
}

std::string PercentEncode(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || absl::string_view("-._~").find(c) != absl::string_view::npos) {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

}  // namespace warren
