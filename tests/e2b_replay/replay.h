#ifndef WARREN_TESTS_E2B_REPLAY_REPLAY_H_
#define WARREN_TESTS_E2B_REPLAY_REPLAY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/e2b_http/scripted_server.h"
#include "tests/e2b_replay/cloud_answers.h"

namespace warren::testing {

// E2B's cloud as it is documented, with one sandbox: a server of the test's own. What a test wants
// to go wrong it scripts over, by server(). For any thread.
class ReplayCloud {
 public:
  ReplayCloud() { Begin(); }
  explicit ReplayCloud(const ScriptedServer::Tls& tls) : server_(tls) { Begin(); }

  ScriptedServer& server() { return server_; }
  std::string url() const { return server_.Url(""); }

  // Of one sandbox: "/sandboxes/{id}" and `what`.
  static std::string OfSandbox(absl::string_view what = "");
  static constexpr char kCreates[] = "/v2/sandboxes";
  static constexpr char kCells[] = "/execute";
  static constexpr char kStarts[] = "/process.Process/Start";
  static constexpr char kSignals[] = "/process.Process/SendSignal";
  static constexpr char kFiles[] = "/files";

  // How often it was asked this.
  size_t Asked(const std::string& method, const std::string& path);
  // How many sandboxes it was told to remove.
  size_t Removed() { return Asked("DELETE", OfSandbox()); }
  // There is no such sandbox any more.
  void LoseSandbox();
  // What a cell says, in these pieces. With a gate: behind the first one it waits for that.
  void OnCell(std::vector<std::string> pieces, const Gate* gate = nullptr);
  // The same of a process, whose pieces are bytes.
  void OnProcess(std::vector<std::string> pieces, const Gate* gate = nullptr);

 private:
  void Begin();
  void Stream(const char* path, const char* type, std::vector<std::string> pieces,
              const Gate* gate);

  ScriptedServer server_;
};

// A message of an envd stream: flags, a length, and what it says.
std::string Frame(absl::string_view json, char flags = 0);
std::string EndFrame(absl::string_view json = kEndOfStream);

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_REPLAY_REPLAY_H_
