#ifndef WARREN_TESTS_E2B_HTTP_SCRIPTED_EXCHANGE_H_
#define WARREN_TESTS_E2B_HTTP_SCRIPTED_EXCHANGE_H_

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/e2b_http/scripted_connection.h"

namespace warren::testing {

// Shut until a test opens it; a script waits for it by ScriptedExchange::WaitFor.
class Gate {
 public:
  void Open() { open_ = true; }
  bool is_open() const { return open_; }

 private:
  std::atomic<bool> open_{false};
};

struct ScriptedRequest {
  // Of the connection, from 1.
  size_t connection = 0;
  std::string method;
  // Path and query.
  std::string target;
  // By their names in lower case.
  std::map<std::string, std::string> headers;
  // What was read of it.
  std::string body;
  // All of the body came.
  bool is_whole = false;

  std::string path() const { return target.substr(0, target.find('?')); }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found != headers.end() ? found->second : "";
  }
};

struct ScriptedAnswer {
  int status = 200;
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Of the body no more than so much comes, then the connection ends.
  std::optional<size_t> cut_after = std::nullopt;
};

// One request and what a script does with it, on its connection's thread. What sends returns false
// where the other side has gone. Where a script answers nothing, nothing is answered and the
// connection ends.
class ScriptedExchange {
 public:
  // `stopping`: the server ends. `keep`: takes the request as it is now.
  ScriptedExchange(ScriptedConnection& connection, const std::atomic<bool>& stopping,
                   ScriptedRequest request, std::function<void(const ScriptedRequest&)> keep)
      : connection_(connection),
        stopping_(stopping),
        request_(std::move(request)),
        keep_(std::move(keep)) {}

  const ScriptedRequest& request() const { return request_; }
  ScriptedConnection& connection() { return connection_; }
  // The body's next part; empty at its end.
  std::string ReadSome();
  // The rest of it; what a script does not read, an answer does.
  const std::string& ReadBody();

  // All of it, with its length; before it, the rest of the request is read.
  bool Answer(const ScriptedAnswer& answer);
  // Piecewise.
  bool StartChunks(const ScriptedAnswer& head);
  bool SendChunk(absl::string_view bytes);
  bool EndChunks();
  // Whatever it is. EndAnswer: it was an answer, and the connection goes on.
  bool Send(absl::string_view bytes) { return connection_.Send(bytes); }
  void EndAnswer() { answered_ = true; }
  // The connection ends after the script.
  void Close() { closes_ = true; }

  // False where the server ends instead.
  bool WaitFor(const Gate& gate) const;
  // Says nothing until the other side has gone.
  void Hang();

  bool goes_on() const { return answered_ && !closes_; }

 private:
  std::string ReadChunk();

  ScriptedConnection& connection_;
  const std::atomic<bool>& stopping_;
  ScriptedRequest request_;
  const std::function<void(const ScriptedRequest&)> keep_;
  bool begun_ = false;
  // Of a body of known length, what is still to come.
  size_t left_ = 0;
  bool answered_ = false;
  bool closes_ = false;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_SCRIPTED_EXCHANGE_H_
