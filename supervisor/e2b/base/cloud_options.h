#ifndef WARREN_SUPERVISOR_E2B_BASE_CLOUD_OPTIONS_H_
#define WARREN_SUPERVISOR_E2B_BASE_CLOUD_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "supervisor/e2b/http/http_client.h"
#include "warren/config/package.pb.h"

namespace warren {

// How E2B's cloud, or what speaks its protocol, is reached.
struct CloudOptions {
  // Of the backend: what Sandbox.backend and Usage.backend tell.
  std::string name = "e2b";
  // An API key; it goes into one header, to api_url alone.
  std::string key;
  // "https://api.e2b.app", without a slash at its end.
  std::string api_url;
  // The one address of all sandboxes, which are told apart by headers; empty: by `domain`.
  std::string sandbox_url;
  std::string domain = "e2b.app";
  // Template ids of ours → the cloud's.
  std::map<std::string, std::string> templates;
  // One of these.
  std::string default_template;
  // How many sandboxes of each are kept ready.
  std::map<std::string, int> warm;
  // What may be installed there.
  config::PackagePolicy package_policy;
  HttpOptions http;
  // HostFacts.pace, at least 1: what waits for the cloud waits so many times as long.
  double pace = 1;
  // A time that is of a host of pace 1, on this one.
  std::chrono::milliseconds Paced(std::chrono::milliseconds time) const {
    return std::chrono::milliseconds(
        static_cast<int64_t>(static_cast<double>(time.count()) * pace));
  }
  // Bytes of output that nobody has read yet, of all sandboxes together.
  int64_t buffer_memory = int64_t{256} << 20;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_CLOUD_OPTIONS_H_
