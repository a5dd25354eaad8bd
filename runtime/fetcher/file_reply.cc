#include "runtime/fetcher/file_reply.h"

#include <boost/beast/http/write.hpp>

namespace warren {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

}  // namespace

FileReply::FileReply(const HttpRequest& request, std::string sha256, ClientStream& stream)
    : request_(request),
      wanted_sha256_(std::move(sha256)),
      stream_(stream),
      serializer_(response_) {}

bool FileReply::OnHead(const WebHead& head) {
  status_ = head.status;
  const bool is_part = status_ == kPartOfFile && head.has_parts;
  if (status_ != kWholeFile && !is_part) return false;
  response_.version(request_.version() == 10 ? 10 : 11);
  response_.result(static_cast<unsigned>(status_));
  response_.keep_alive(request_.keep_alive());
  response_.set(http::field::content_type, "application/octet-stream");
  response_.set(http::field::accept_ranges, head.has_parts ? "bytes" : "none");
  if (is_part) response_.set(http::field::content_range, head.content_range);
  if (head.length) {
    response_.content_length(static_cast<uint64_t>(*head.length));
  } else if (response_.version() == 11) {
    response_.chunked(true);
  } else {
    response_.keep_alive(false);
  }
  return true;
}

bool FileReply::OnBytes(absl::string_view bytes) {
  if (bytes.empty()) return true;
  if (!held_.empty() && !Send(held_, More::kYes)) return false;
  held_ = std::string(bytes);
  if (status_ == kWholeFile) hash_.Add(bytes);
  return true;
}

bool FileReply::Send(absl::string_view bytes, More more) {
  begun_ = true;
  response_.body().data = bytes.empty() ? nullptr : const_cast<char*>(bytes.data());
  response_.body().size = bytes.size();
  response_.body().more = more == More::kYes;
  beast::error_code error;
  http::write(stream_, serializer_, error);
  failed_ = error && error != http::error::need_buffer;
  return !failed_;
}

HttpOutcome FileReply::Finish() {
  beast::error_code error;
  if (request_.method() == http::verb::head) {
    begun_ = true;
    response_.body().data = nullptr;
    response_.body().more = false;
    http::write_header(stream_, serializer_, error);
    if (error) return HttpOutcome::kBroken;
    return response_.keep_alive() ? HttpOutcome::kGoesOn : HttpOutcome::kEnds;
  }
  if (status_ == kWholeFile && !wanted_sha256_.empty() && hash_.Hex() != wanted_sha256_) {
    is_wrong_ = true;
    return Cut();
  }
  if (!Send(held_, More::kNo)) return Cut();
  return response_.keep_alive() ? HttpOutcome::kGoesOn : HttpOutcome::kEnds;
}

HttpOutcome FileReply::Cut() {
  if (begun_) stream_.Reset();
  return HttpOutcome::kBroken;
}

}  // namespace warren
