// What a supervisor asks an agent for, however it is made: the agent's own dispatcher, as an
// ordinary user, in a directory of its own that no path leads out of.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "runtime/agent/file_streams.h"
#include "runtime/control/frame.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

// Holds the agent to what it promises: one end for each call, and nothing after it.
class Listener final : public StreamOutput {
 public:
  void Tell(const internal::AgentEvent& event) override {
    Check(event.ByteSizeLong() <= kMaxAgentEventBytes);
    switch (event.event_case()) {
      case internal::AgentEvent::kEntry:
        return Check(open.contains(event.entry().stream_id()));
      case internal::AgentEvent::kWatchEvent:
        return Check(open.contains(event.watch_event().stream_id()));
      case internal::AgentEvent::kCredit:
        return Check(open.contains(event.credit().stream_id()));
      case internal::AgentEvent::kEnd:
        return Check(open.erase(event.end().stream_id()) == 1);
      default:
        std::abort();
    }
  }
  void TellData(uint64_t stream_id, absl::string_view data, bool last) override {
    Check(data.size() <= kStreamPiece && (last || !data.empty()));
    Check(open.contains(stream_id));
  }
  std::set<uint64_t> open;
};

// Emptied for each input.
int Scratch() {
  static const std::string* path = [] {
    char name[] = "/tmp/warren-fuzz-XXXXXX";
    Check(::mkdtemp(name) != nullptr);
    std::atexit([] { std::filesystem::remove_all(*path); });
    return new std::string(name);
  }();
  for (const auto& entry : std::filesystem::directory_iterator(*path))
    std::filesystem::remove_all(entry.path());
  std::filesystem::create_directory(*path + "/d");
  return ::open(path->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool Serve(internal::AgentRequest& request, FileStreams& files, Listener& listener) {
  switch (request.request_case()) {
    case internal::AgentRequest::kCall: {
      // Whoever runs this is no root: as itself, or as nobody that it can be.
      internal::FileCall& call = *request.mutable_call();
      if (call.uid() % 8 != 7) {
        call.set_uid(::geteuid());
        call.set_gid(::getegid());
      }
      const uint64_t id = call.stream_id();
      const bool used = listener.open.contains(id);
      listener.open.insert(id);
      const bool kept = files.OnCall(call);
      Check(!(used && kept));
      return kept;
    }
    case internal::AgentRequest::kData:
      return files.OnData(request.data());
    case internal::AgentRequest::kCredit:
      return files.OnCredit(request.credit());
    case internal::AgentRequest::kCancel:
      return files.OnCancel(request.cancel());
    default:
      return true;
  }
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace warren;
  Listener listener;
  {
    FileStreams files(FileRoot(UniqueFd(Scratch())), listener);
    FrameParser parser;
    bool kept = true;
    parser
        .Feed(absl::string_view(reinterpret_cast<const char*>(data), size),
              [&](absl::string_view frame) {
                internal::AgentRequest request;
                kept = request.ParseFromArray(frame.data(), static_cast<int>(frame.size())) &&
                       Serve(request, files, listener);
                for (int turns = 0; kept && turns < 64 && files.ready(); ++turns) files.Turn();
                return kept ? FrameParser::Next::kContinue : FrameParser::Next::kStop;
              })
        .IgnoreError();
    if (!kept) return 0;
    // Each call ends when it is asked to.
    const std::set<uint64_t> open = listener.open;
    for (uint64_t id : open) {
      internal::StreamCancel cancel;
      cancel.set_stream_id(id);
      Check(files.OnCancel(cancel));
    }
  }
  Check(listener.open.empty());
  return 0;
}
