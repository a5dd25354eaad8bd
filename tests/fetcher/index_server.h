#ifndef WARREN_TESTS_FETCHER_INDEX_SERVER_H_
#define WARREN_TESTS_FETCHER_INDEX_SERVER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"

namespace warren::testing {

// A certificate for this host's loopback and its key, as PEM; signed by itself.
struct Certificate {
  std::string certificate;
  std::string key;
};
Certificate MakeCertificate();

// A package index on a loopback address, over http or https: says what it is told to, one
// connection after the other, and keeps what it was asked.
class IndexServer {
 public:
  struct Answer {
    int status = 200;
    std::string body;
    std::string content_type = "application/octet-stream";
    // Further header fields.
    std::map<std::string, std::string> fields = {};
    // Ends the connection behind so many bytes of the body.
    std::optional<size_t> cut_after = std::nullopt;
    // The connection ends instead of an answer, so many times.
    size_t drops = 0;
    // Instead of an answer nothing comes, for as long as the other side waits.
    bool silent = false;
  };
  struct Asked {
    std::string target;
    std::map<std::string, std::string> fields;
  };

  explicit IndexServer(const std::string& address = "127.0.0.1",
                       const Certificate* certificate = nullptr);
  ~IndexServer();

  void Set(const std::string& target, Answer answer);
  // What came for it.
  std::vector<Asked> asked(const std::string& target);
  size_t connections();

  uint16_t port() const { return port_; }
  // "http://127.0.0.1:1234"
  std::string root() const;

 private:
  void Run();
  template <class Stream>
  void Serve(Stream& stream);
  std::optional<Answer> AnswerTo(const Asked& asked);

  const std::string address_;
  std::optional<boost::asio::ssl::context> tls_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  uint16_t port_ = 0;
  std::thread thread_;
  Mutex mu_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mu_);
  std::vector<Asked> asked_ ABSL_GUARDED_BY(mu_);
  size_t connections_ ABSL_GUARDED_BY(mu_) = 0;
  // Of the connection that is served.
  int serving_ ABSL_GUARDED_BY(mu_) = -1;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_FETCHER_INDEX_SERVER_H_
