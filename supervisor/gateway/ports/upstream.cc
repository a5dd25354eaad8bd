#include "supervisor/gateway/ports/upstream.h"

#include <fcntl.h>

#include <boost/beast/http/error.hpp>
#include <utility>

#include "runtime/base/status.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

constexpr size_t kReadBytes = 64 << 10;

absl::Status CutOff() {
  return absl::UnavailableError("the program in the sandbox ended its answer in the middle");
}

}  // namespace

absl::StatusOr<std::shared_ptr<Upstream>> Upstream::Open(
    const boost::asio::any_io_executor& strand, std::unique_ptr<PortConnection> connection) {
  // Asio closes what it is given, and the connection is not ours to close.
  UniqueFd copy(::fcntl(connection->socket(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Errno("copy the descriptor of a connection into a sandbox");
  return std::make_shared<Upstream>(strand, std::move(connection), std::move(copy));
}

Async<bool> Upstream::Write(absl::string_view bytes) {
  const absl::string_view parts[] = {bytes};
  co_return co_await transport_.Write(parts);
}

Async<bool> Upstream::Fill() {
  // The parser takes nothing of a line until it has its end, of a chunk's length say.
  if (input_.size() > kMaxHeaderBytes) co_return false;
  const size_t count = co_await transport_.Read(input_.prepare(kReadBytes));
  input_.commit(count);
  co_return count > 0;
}

Async<absl::Status> Upstream::ReadHead(bool answers_head) {
  for (;;) {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(boost::none);
    parser_->skip(answers_head);
    while (!parser_->is_header_done()) {
      boost::system::error_code error;
      if (input_.size() > 0) input_.consume(parser_->put(input_.data(), error));
      if (error && error != http::error::need_more) {
        co_return absl::UnavailableError("the program in the sandbox does not answer in HTTP");
      }
      if (parser_->is_header_done()) break;
      if (input_.size() > kMaxHeaderBytes) {
        co_return absl::UnavailableError(
            "the program in the sandbox answers with too long headers");
      }
      const bool filled = co_await Fill();
      if (!filled) co_return CutOff();
    }
    const unsigned status = parser_->get().result_int();
    if (status >= 200 || status == 101) co_return absl::OkStatus();
  }
}

Async<absl::StatusOr<std::string>> Upstream::ReadPiece() {
  while (!parser_->is_done()) {
    std::string piece(kReadBytes, '\0');
    auto& body = parser_->get().body();
    body.data = piece.data();
    body.size = piece.size();
    body.more = true;
    boost::system::error_code error;
    if (input_.size() > 0) input_.consume(parser_->put(input_.data(), error));
    const size_t size = piece.size() - body.size;
    if (error && error != http::error::need_buffer && error != http::error::need_more)
      co_return CutOff();
    if (size > 0) {
      piece.resize(size);
      co_return piece;
    }
    if (parser_->is_done()) break;
    const bool filled = co_await Fill();
    if (filled) continue;
    // An answer without a length is whole when its connection ends.
    boost::system::error_code end;
    parser_->put_eof(end);
    if (end || !parser_->is_done()) co_return CutOff();
  }
  co_return std::string();
}

Async<std::string> Upstream::ReadRaw() {
  if (input_.size() == 0) {
    const bool filled = co_await Fill();
    if (!filled) co_return std::string();
  }
  const auto data = input_.data();
  std::string bytes(static_cast<const char*>(data.data()), data.size());
  input_.consume(data.size());
  co_return bytes;
}

}  // namespace warren
