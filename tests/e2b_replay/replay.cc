#include "tests/e2b_replay/replay.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace warren::testing {
namespace {

ScriptedAnswer Json(int status, std::string body) {
  return {status, std::move(body), {{"Content-Type", "application/json"}}};
}

}  // namespace

std::string Frame(absl::string_view json, char flags) {
  std::string frame(1, flags);
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>(json.size() >> shift & 0xff));
  frame.append(json.data(), json.size());
  return frame;
}

std::string EndFrame(absl::string_view json) { return Frame(json, 0x02); }

std::string ReplayCloud::OfSandbox(absl::string_view what) {
  return absl::StrCat("/sandboxes/", kReplaySandbox, what);
}

void ReplayCloud::Begin() {
  server_.Answer("POST", kCreates, Json(201, kMade));
  server_.Answer("GET", kCreates, Json(200, absl::StrCat("[", kRunning, "]")));
  server_.Answer("GET", OfSandbox(), Json(200, kRunning));
  server_.Answer("DELETE", OfSandbox(), {.status = 204});
  server_.Answer("POST", OfSandbox("/timeout"), {.status = 204});
  server_.Answer("POST", OfSandbox("/pause"), {.status = 204});
  server_.Answer("POST", absl::StrCat("/v2", OfSandbox("/connect")), Json(201, kMade));
  server_.Answer("GET", "/contexts", Json(200, kContexts));
  server_.Answer("POST", "/contexts", Json(200, kContext));
  server_.Answer("POST", kSignals, Json(200, "{}"));
  server_.Answer("POST", "/filesystem.Filesystem/Stat", Json(200, kFileStat));
  server_.Answer("GET", kFiles, {200, "hello\n", {{"Content-Type", "text/plain"}}});
  server_.Answer("POST", kFiles, Json(200, kFileWritten));
  OnCell({kCount, kHello, kKeepalive, kEndOfCell});
  OnProcess({Frame(kStartEvent), Frame(kDataEvent), Frame(kKeepaliveEvent), Frame(kExitEvent),
             EndFrame()});
}

size_t ReplayCloud::Asked(const std::string& method, const std::string& path) {
  size_t asked = 0;
  for (const ScriptedRequest& each : server_.requests(path)) asked += each.method == method ? 1 : 0;
  return asked;
}

void ReplayCloud::LoseSandbox() {
  server_.Answer("GET", OfSandbox(), Json(404, kNoSandbox));
  server_.Answer("DELETE", OfSandbox(), Json(404, kNoSandbox));
}

void ReplayCloud::OnCell(std::vector<std::string> pieces, const Gate* gate) {
  Stream(kCells, "application/json", std::move(pieces), gate);
}

void ReplayCloud::OnProcess(std::vector<std::string> pieces, const Gate* gate) {
  Stream(kStarts, "application/connect+json", std::move(pieces), gate);
}

void ReplayCloud::Stream(const char* path, const char* type, std::vector<std::string> pieces,
                         const Gate* gate) {
  server_.On("POST", path, [type, pieces = std::move(pieces), gate](ScriptedExchange& exchange) {
    exchange.ReadBody();
    if (!exchange.StartChunks({.headers = {{"Content-Type", type}}})) return;
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i == 1 && gate != nullptr && !exchange.WaitFor(*gate)) return;
      if (!exchange.SendChunk(pieces[i])) return exchange.Close();
    }
    exchange.EndChunks();
  });
}

}  // namespace warren::testing
