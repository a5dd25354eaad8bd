// What a client of the E2B door sends in the bodies of its requests. The first byte says of what
// kind: a message of Connect's, or the JSON of the code interpreter.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "supervisor/base/text.h"
#include "supervisor/gateway/envd/basic_user.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/envd/process_convert.h"
#include "supervisor/gateway/interpreter/interpreter_request.h"
#include "supervisor/gateway/interpreter/line_text.h"
#include "warren/e2b/filesystem.pb.h"
#include "warren/e2b/process.pb.h"

namespace {

// What was understood is understood again, in either form.
void Decode(absl::string_view payload, google::protobuf::Message& message) {
  for (const auto codec : {warren::ConnectCodec::kJson, warren::ConnectCodec::kBinary}) {
    message.Clear();
    if (!warren::DecodeConnect(payload, codec, message).ok()) continue;
    const std::unique_ptr<google::protobuf::Message> again(message.New());
    const std::string encoded = warren::EncodeConnect(message, codec);
    if (!warren::DecodeConnect(encoded, codec, *again).ok()) std::abort();
  }
}

void DecodeAll(absl::string_view payload) {
  warren::e2b::StartRequest start;
  Decode(payload, start);
  const auto process = warren::ToStartProcess(start, "user", std::nullopt);
  if (process.ok() && (process->arguments().empty() || process->terminal().columns() < 0))
    std::abort();
  const std::unique_ptr<google::protobuf::Message> others[] = {
      std::make_unique<warren::e2b::ListRequest>(),
      std::make_unique<warren::e2b::ConnectRequest>(),
      std::make_unique<warren::e2b::UpdateRequest>(),
      std::make_unique<warren::e2b::SendInputRequest>(),
      std::make_unique<warren::e2b::StreamInputRequest>(),
      std::make_unique<warren::e2b::SendSignalRequest>(),
      std::make_unique<warren::e2b::CloseStdinRequest>(),
      std::make_unique<warren::e2b::StatRequest>(),
      std::make_unique<warren::e2b::MakeDirRequest>(),
      std::make_unique<warren::e2b::MoveRequest>(),
      std::make_unique<warren::e2b::ListDirRequest>(),
      std::make_unique<warren::e2b::RemoveRequest>(),
      std::make_unique<warren::e2b::WatchDirRequest>(),
      std::make_unique<warren::e2b::CreateWatcherRequest>(),
      std::make_unique<warren::e2b::GetWatcherEventsRequest>(),
      std::make_unique<warren::e2b::RemoveWatcherRequest>(),
  };
  for (const auto& message : others) Decode(payload, *message);
}

void CheckInterpreter(absl::string_view body) {
  const auto request = warren::ParseInterpreterRequest(body);
  if (!request.ok()) return;
  // They go into messages whose strings must be UTF-8.
  for (const std::string* text :
       {&request->code, &request->context_id, &request->language, &request->cwd}) {
    if (!warren::IsValidUtf8(*text)) std::abort();
  }
  if (request->env_vars.size() > warren::kMaxEnvVars) std::abort();
}

// What a sandbox calls JSON is a line of the client's.
void CheckLine(absl::string_view json) {
  const auto line = warren::JsonLine(json);
  if (!line) return;
  for (char c : *line) {
    // What is beyond ASCII is negative.
    if (c < ' ') std::abort();
  }
  const auto before = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (before != nlohmann::json::parse(*line, nullptr, false)) std::abort();
}

// However it is cut, it comes to the same.
void CheckText(absl::string_view text) {
  for (size_t cut = 0; cut <= text.size(); cut += 1 + text.size() / 16) {
    warren::Utf8Joiner joiner;
    std::string whole = joiner.Add(std::string(text.substr(0, cut)));
    if (warren::IsValidUtf8(text) && !warren::IsValidUtf8(whole)) std::abort();
    whole += joiner.Add(std::string(text.substr(cut)));
    whole += joiner.Finish();
    if (whole != text) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data + 1, data + size);
  const absl::string_view body(exact.data(), exact.size());
  switch (data[0]) {
    case 'E': {
      const auto payload = warren::OpenEnvelope(body);
      if (payload.ok()) DecodeAll(*payload);
      break;
    }
    case 'U': {
      const auto user = warren::BasicUser(body);
      if (user.ok() && !user->empty() && *user != "user" && *user != "root") std::abort();
      break;
    }
    case 'I':
      CheckInterpreter(body);
      break;
    case 'L':
      CheckLine(body);
      break;
    case 'T':
      CheckText(body);
      break;
    default:
      DecodeAll(body);
      break;
  }
  return 0;
}
