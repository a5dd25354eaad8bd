#include "tests/e2b_http/scripted_exchange.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace warren::testing {
namespace {

std::string HeadText(const ScriptedAnswer& answer) {
  std::string head = absl::StrCat("HTTP/1.1 ", answer.status, " Scripted\r\n");
  for (const auto& [name, value] : answer.headers)
    absl::StrAppend(&head, name, ": ", value, "\r\n");
  return head;
}

}  // namespace

std::string ScriptedExchange::ReadChunk() {
  const std::optional<std::string> size = connection_.ReadLine();
  if (!size) return "";
  std::optional<std::string> bytes =
      connection_.ReadExactly(std::strtoul(size->c_str(), nullptr, 16));
  // The last one's is the end of trailers that are none.
  if (!bytes || !connection_.ReadLine()) return "";
  request_.is_whole = bytes->empty();
  return *std::move(bytes);
}

std::string ScriptedExchange::ReadSome() {
  if (request_.is_whole) return "";
  std::string part;
  if (request_.header("transfer-encoding") == "chunked") {
    part = ReadChunk();
  } else {
    if (!std::exchange(begun_, true)) {
      (void)absl::SimpleAtoi(request_.header("content-length"), &left_);
    }
    if (left_ > 0) part = connection_.Read(std::min<size_t>(left_, 16 << 10));
    left_ -= part.size();
    request_.is_whole = left_ == 0;
  }
  request_.body += part;
  if (request_.is_whole) keep_(request_);
  return part;
}

const std::string& ScriptedExchange::ReadBody() {
  while (!ReadSome().empty()) {
  }
  return request_.body;
}

bool ScriptedExchange::Answer(const ScriptedAnswer& answer) {
  ReadBody();
  std::string text = HeadText(answer);
  const bool has_body = answer.status != 204 && answer.status != 304;
  if (has_body) absl::StrAppend(&text, "Content-Length: ", answer.body.size(), "\r\n");
  text += "\r\n";
  if (has_body && request_.method != "HEAD")
    text += answer.body.substr(0, answer.cut_after.value_or(std::string::npos));
  answered_ = !answer.cut_after;
  return Send(text);
}

bool ScriptedExchange::StartChunks(const ScriptedAnswer& head) {
  return Send(HeadText(head) + "Transfer-Encoding: chunked\r\n\r\n");
}

bool ScriptedExchange::SendChunk(absl::string_view bytes) {
  return Send(absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n"));
}

bool ScriptedExchange::EndChunks() {
  ReadBody();
  answered_ = true;
  return Send("0\r\n\r\n");
}

bool ScriptedExchange::WaitFor(const Gate& gate) const {
  while (!gate.is_open()) {
    if (stopping_) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

void ScriptedExchange::Hang() {
  connection_.ReadOut();
  Close();
}

}  // namespace warren::testing
