#ifndef WARREN_RUNTIME_FETCHER_FILE_REPLY_H_
#define WARREN_RUNTIME_FETCHER_FILE_REPLY_H_

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <optional>
#include <string>

#include "runtime/fetcher/http_reply.h"
#include "runtime/fetcher/sha256.h"
#include "runtime/fetcher/web_client.h"

namespace warren {

// Statuses.
inline constexpr int kWholeFile = 200;
inline constexpr int kPartOfFile = 206;

// An answer that passes a file on as it comes, and sees that it is the one that was promised: its
// last piece goes out when all of it is known to be right.
//
// For one thread. Lifecycle: constructor → OnHead → OnBytes* → Finish, or Cut where the rest will
// not come.
class FileReply final : public WebSink {
 public:
  // `sha256`: of the whole file; empty where nobody knows. The request and the stream outlive it.
  FileReply(const HttpRequest& request, std::string sha256, ClientStream& stream);

  // ---- WebSink. Of a head that has no file, false: then status() tells.
  bool OnHead(const WebHead& head) override;
  bool OnBytes(absl::string_view bytes) override;

  // kBroken: what came is not the file, whose reader knows it by a reset, or has gone.
  HttpOutcome Finish();
  HttpOutcome Cut();

  // Of the head; 0 before it.
  int status() const { return status_; }
  // Something of the answer was sent, so there is no other any more.
  bool begun() const { return begun_; }
  bool is_wrong() const { return is_wrong_; }

 private:
  // Of the last piece, after which nothing comes.
  enum class More { kYes, kNo };
  bool Send(absl::string_view bytes, More more);

  const HttpRequest& request_;
  const std::string wanted_sha256_;
  ClientStream& stream_;
  boost::beast::http::response<boost::beast::http::buffer_body> response_;
  boost::beast::http::response_serializer<boost::beast::http::buffer_body> serializer_;
  Sha256 hash_;
  std::string held_;
  int status_ = 0;
  bool begun_ = false;
  bool failed_ = false;
  bool is_wrong_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_FILE_REPLY_H_
