#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_RESOURCES_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_RESOURCES_H_

#include <optional>
#include <string>
#include <vector>

#include "runtime/launch/launcher/anchor_client.h"
#include "runtime/launch/launcher/process_profiles.h"
#include "runtime/linux/cgroup.h"
#include "runtime/linux/socket_lookup.h"
#include "runtime/plan/template_store.h"

namespace warren {

// A template with where its parts lie on the host, in the order of TemplateParts.
struct LaunchTemplate {
  Template source;
  std::vector<std::string> part_paths;
};

// What making a zygote or a sandbox takes; owned by the Launcher, for its lifetime.
struct LaunchResources {
  internal::HostFacts facts;
  CgroupTree cgroups;
  AnchorClient anchor;
  ProcessProfiles profiles;
  // Sealed memfd of warren-agent.
  UniqueFd agent_program;
  // Directory of zygote_main.py and libwarren-context.so.
  std::string worker_directory;
  // Directory of what sandboxes have of Warren's own: bin/sudo.
  std::string tools_directory;
  // TestLayer bits; 0 but in test builds.
  uint32_t layers_off = 0;
  // Of sandboxes, by their slot; none where the host cannot (HostFacts.socket_lookup).
  std::optional<SocketLookup> lookup;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_RESOURCES_H_
