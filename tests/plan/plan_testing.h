#ifndef WARREN_TESTS_PLAN_PLAN_TESTING_H_
#define WARREN_TESTS_PLAN_PLAN_TESTING_H_

#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/policy/limits_policy.h"

// Hosts and recipes that the planning tests share. They run in the source directory.
namespace warren::testing {

inline internal::HostFacts ParseFacts(const char* text) {
  internal::HostFacts facts;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &facts));
  return facts;
}

// A hybrid host as Debian 12 has it after systemd.unified_cgroup_hierarchy=0.
inline internal::HostFacts V1Host() {
  return ParseFacts(R"pb(
    kernel_release: "6.18.0"
    cgroup_mode: V1
    controllers { key: "memory" value: "/sys/fs/cgroup/memory" }
    controllers { key: "cpu" value: "/sys/fs/cgroup/cpu" }
    controllers { key: "cpuacct" value: "/sys/fs/cgroup/cpuacct" }
    controllers { key: "pids" value: "/sys/fs/cgroup/pids" }
    controllers { key: "freezer" value: "/sys/fs/cgroup/freezer" }
    tmpfs_user_xattr: true
    landlock_abi: 7
    memory_peak: true
    pids_peak: true
    swap_limit: true
    cpus: 2
  )pb");
}

// Debian 12 as it comes.
inline internal::HostFacts V2Host() {
  return ParseFacts(R"pb(
    kernel_release: "6.1.0"
    cgroup_mode: V2
    controllers { key: "memory" value: "/sys/fs/cgroup" }
    controllers { key: "cpu" value: "/sys/fs/cgroup" }
    controllers { key: "pids" value: "/sys/fs/cgroup" }
    landlock_abi: 2
    cgroup_kill: true
    memory_peak: true
    swap_limit: true
    swap_present: true
    cpus: 2
  )pb");
}

inline config::TemplateRecipe Recipe(const std::string& name) {
  std::ifstream file("rootfs/" + name + "/recipe.textproto");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  config::TemplateRecipe recipe;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &recipe)) << name;
  return recipe;
}

inline config::LimitsPolicy Policy() {
  auto policy = LoadLimitsPolicy("policies/limits/default.textproto");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

// What a request that asks for `wanted` of this template becomes.
inline internal::SandboxSpec Spec(const config::TemplateRecipe& recipe,
                                  const v1::Limits& wanted = {}) {
  internal::SandboxSpec spec;
  spec.set_sandbox_id("sb0123456789");
  spec.set_template_id(recipe.name());
  *spec.mutable_limits() = wanted;
  return spec;
}

}  // namespace warren::testing

#endif  // WARREN_TESTS_PLAN_PLAN_TESTING_H_
