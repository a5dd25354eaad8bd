// Profiles: those of the tree are sound and say what they promise; what is not sound is refused,
// with words that help.

#include "runtime/policy/profile.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using config::ProfilePolicy;
using ::testing::HasSubstr;

const PolicyNames& Policies() {
  static const auto* const kNames =
      new PolicyNames{"default", "root", "agent", "init", "zygote", "relay", "fetcher", "store"};
  return *kNames;
}

ProfilePolicy LoadOrDie(const std::string& name) {
  auto profile = LoadProfile(absl::StrCat("policies/profiles/", name, ".textproto"), Policies());
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.ok() ? *profile : ProfilePolicy();
}

// The message by which a profile of the tree is refused after `change`.
std::string Refusal(const std::string& name, const std::function<void(ProfilePolicy&)>& change) {
  ProfilePolicy profile = LoadOrDie(name);
  change(profile);
  absl::Status status = ValidateProfile(profile, Policies());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << profile.ShortDebugString() << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("profile \""));
  return std::string(status.message());
}

uint64_t Bits(std::initializer_list<int> numbers) {
  uint64_t bits = 0;
  for (int number : numbers) bits |= uint64_t{1} << number;
  return bits;
}

TEST(ProfileTest, ThoseOfTheTreeAreSound) {
  for (const char* name :
       {"user", "root", "agent", "init", "zygote", "relay", "fetcher", "store"}) {
    ProfilePolicy profile = LoadOrDie(name);
    EXPECT_EQ(profile.name(), name);
    EXPECT_TRUE(profile.no_new_privs()) << name;
  }
}

TEST(ProfileTest, UserHasNothing) {
  ProfilePolicy user = LoadOrDie("user");
  EXPECT_EQ(user.uid(), 1000u);
  EXPECT_EQ(CapabilityMask(user), 0u);
  EXPECT_EQ(Securebits(user), SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED);
  EXPECT_EQ(user.landlock(), ProfilePolicy::USER_DIRECTORIES);
  EXPECT_EQ(user.rlimits_size(), 6);
}

TEST(ProfileTest, RootHasEightCapabilities) {
  ProfilePolicy root = LoadOrDie("root");
  EXPECT_EQ(root.uid(), 0u);
  EXPECT_EQ(CapabilityMask(root), Bits({CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
                                        CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_NET_BIND_SERVICE}));
  EXPECT_EQ(root.seccomp_policy(), "root");
}

// A setfsuid has to take them.
TEST(ProfileTest, TheAgentLosesCapabilitiesWithItsIdentity) {
  ProfilePolicy agent = LoadOrDie("agent");
  EXPECT_EQ(CapabilityMask(agent), CapabilityMask(LoadOrDie("root")) | Bits({CAP_SETPCAP}));
  EXPECT_EQ(Securebits(agent) & SECBIT_NO_SETUID_FIXUP, 0u);
  EXPECT_FALSE(agent.dumpable());
}

TEST(ProfileTest, InitIsUndumpable) {
  ProfilePolicy init = LoadOrDie("init");
  EXPECT_EQ(CapabilityMask(init), 0u);
  EXPECT_FALSE(init.dumpable());
}

// They read what strangers send.
TEST(ProfileTest, RelayFetcherAndStoreHaveNothing) {
  for (const char* name : {"relay", "fetcher", "store"}) {
    ProfilePolicy service = LoadOrDie(name);
    EXPECT_EQ(CapabilityMask(service), 0u) << name;
    EXPECT_FALSE(service.dumpable()) << name;
    EXPECT_EQ(service.seccomp_policy(), name);
  }
}

TEST(ProfileTest, NoTextGivesMoreThanTheKindMayHave) {
  for (const char* name : {"user", "root", "agent", "init", "relay", "fetcher", "store"}) {
    for (const char* capability : {"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "MKNOD", "SETFCAP",
                                   "DAC_READ_SEARCH", "NET_RAW", "SYS_CHROOT"}) {
      EXPECT_THAT(
          Refusal(name, [&](ProfilePolicy& profile) { profile.add_capabilities(capability); }),
          HasSubstr(absl::StrCat("it may not have ", capability, "; at most: ")));
    }
  }
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& profile) { profile.add_capabilities("SETPCAP"); }),
              HasSubstr("at most: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, "
                        "NET_BIND_SERVICE"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& profile) { profile.add_capabilities("CHOWN"); }),
              HasSubstr("at most: none"));
  EXPECT_THAT(
      Refusal("zygote", [](ProfilePolicy& profile) { profile.add_capabilities("NET_ADMIN"); }),
      HasSubstr("it may not have NET_ADMIN"));
}

TEST(ProfileTest, UnknownNamesAreNamed) {
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.add_capabilities("CAP_CHOWN"); }),
              HasSubstr("no capability \"CAP_CHOWN\"; write"));
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.add_capabilities("CHOWN"); }),
              HasSubstr("CHOWN twice"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.add_securebits("KEEP_CAPS"); }),
              HasSubstr("no securebit \"KEEP_CAPS\""));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.set_seccomp_policy("dafault"); }),
              HasSubstr("no seccomp policy \"dafault\"; there is: agent, default, fetcher, "));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.clear_seccomp_policy(); }),
              HasSubstr("no seccomp policy \"\""));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.set_name("admin\n"); }),
              HasSubstr("profile \"admin\\n\": no kind of process"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.add_rlimits()->set_resource("AS"); }),
              HasSubstr("no resource limit \"AS\"; there is: SIGPENDING"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.add_environment("HOME"); }),
              HasSubstr("NAME=VALUE"));
}

TEST(ProfileTest, NothingIsLeftToADefault) {
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.clear_uid(); }), HasSubstr("uid and gid"));
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.clear_gid(); }), HasSubstr("uid and gid"));
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.clear_landlock(); }), HasSubstr("landlock"));
  EXPECT_THAT(Refusal("root", [](ProfilePolicy& p) { p.clear_no_new_privs(); }),
              HasSubstr("no_new_privs"));
}

TEST(ProfileTest, UserRelayAndFetcherAreNeverRoot) {
  for (const char* name : {"user", "relay", "fetcher"})
    EXPECT_THAT(Refusal(name, [](ProfilePolicy& p) { p.set_uid(0); }), HasSubstr("never root"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.set_gid(0); }), HasSubstr("never root"));
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.set_uid(65536); }), HasSubstr("65536"));
}

TEST(ProfileTest, SecurebitsFitTheCapabilities) {
  EXPECT_THAT(Refusal("init", [](ProfilePolicy& p) { p.clear_securebits(); }),
              HasSubstr("needs NOROOT and NOROOT_LOCKED"));
  for (const char* name : {"root", "agent"}) {
    EXPECT_THAT(Refusal(name, [](ProfilePolicy& p) { p.add_securebits("NOROOT"); }),
                HasSubstr("at the next exec"));
    EXPECT_THAT(Refusal(name, [](ProfilePolicy& p) { p.add_securebits("NO_SETUID_FIXUP"); }),
                HasSubstr("to the user it becomes"));
  }
}

TEST(ProfileTest, InitAgentAndServicesMustBeUndumpable) {
  for (const char* name : {"init", "agent", "relay", "fetcher", "store"}) {
    EXPECT_THAT(Refusal(name, [](ProfilePolicy& p) { p.set_dumpable(true); }),
                HasSubstr("must not be dumpable"));
  }
}

TEST(ProfileTest, LimitsOfTheSandboxAreNotAProfiles) {
  for (const char* name : {"NOFILE", "NPROC", "FSIZE", "CPU"}) {
    EXPECT_THAT(Refusal("user", [&](ProfilePolicy& p) { p.add_rlimits()->set_resource(name); }),
                HasSubstr("comes from the limits"));
  }
  EXPECT_THAT(Refusal("user", [](ProfilePolicy& p) { p.add_rlimits()->set_resource("CORE"); }),
              HasSubstr("CORE twice"));
}

TEST(ProfileTest, FilesAreNamedInErrors) {
  const std::filesystem::path directory =
      absl::StrCat(::testing::TempDir(), "/warren-profile-", ::getpid());
  std::filesystem::create_directory(directory);
  const std::filesystem::path path = directory / "user.textproto";
  auto refusal = [&](const std::string& text) {
    std::ofstream(path) << text;
    absl::Status status = LoadProfile(path, Policies()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path.string()));
    return std::string(status.message());
  };
  EXPECT_THAT(refusal("name: \"root\""), HasSubstr("name it after its file"));
  EXPECT_THAT(refusal("name: \"user\" uid: 0 gid: 0"), HasSubstr("never root"));
  refusal("name: \"user\" capability: \"CHOWN\"");
  EXPECT_FALSE(LoadProfile("/no/such/user.textproto", Policies()).ok());
  std::filesystem::remove_all(directory);
}

TEST(ProfileTest, CapabilitiesGoByTheKernelsNumbers) {
  EXPECT_EQ(*CapabilityNumber("CHOWN"), CAP_CHOWN);
  EXPECT_EQ(*CapabilityNumber("SYS_ADMIN"), CAP_SYS_ADMIN);
  EXPECT_EQ(*CapabilityNumber("SETFCAP"), CAP_SETFCAP);
  EXPECT_EQ(*CapabilityNumber("CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
  EXPECT_FALSE(CapabilityNumber("").ok());
}

}  // namespace
}  // namespace warren
