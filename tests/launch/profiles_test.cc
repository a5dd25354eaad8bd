// Profiles in force: what user and root are in one sandbox, as the host sees them and as they see
// themselves, and who may be which. Needs root.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kNoCapability[] = "0000000000000000";
// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
constexpr char kEight[] = "00000000000004fb";

constexpr char kWhoAmI[] =
    "import os\n"
    "status = dict(l.rstrip().split(':', 1) for l in open('/proc/self/status'))\n"
    "print(os.getresuid(), os.getresgid(), os.getgroups(), status['CapEff'].strip())\n";

class ProfilesTest : public SharedLauncherTest {
 protected:
  RunningSandbox LaunchAs(const std::string& id, const std::string& profile) {
    internal::SandboxSpec spec = shared_->Spec(id);
    spec.set_profile(profile);
    RunningSandbox sandbox = shared_->Launch(spec, zygote_);
    EXPECT_TRUE(sandbox.launched()) << sandbox.reply.message();
    return sandbox;
  }
  RunningSandbox FurtherAs(const std::string& id, const std::string& profile) {
    RunningSandbox further =
        shared_->Take(id, shared_->WaitForReply(shared_->RequestProcess(id, zygote_, profile)));
    EXPECT_TRUE(further.launched()) << further.reply.message();
    return further;
  }
  std::vector<pid_t> ContextsOf(const std::string& id) {
    std::vector<pid_t> contexts;
    for (pid_t pid : shared_->PidsOf(id)) {
      if (pid != shared_->InitOf(id)) contexts.push_back(pid);
    }
    return contexts;
  }
};

TEST_F(ProfilesTest, RootIsRootOfItsSandboxAlone) {
  RunningSandbox root = LaunchAs("rootly", "root");
  EXPECT_EQ(shared_->Output(root, kWhoAmI), absl::StrCat("(0, 0, 0) (0, 0, 0) [] ", kEight, "\n"));
  const std::vector<pid_t> contexts = ContextsOf("rootly");
  ASSERT_EQ(contexts.size(), 1u);
  EXPECT_EQ(StatusField(contexts[0], "CapPrm"), kEight);
  EXPECT_EQ(StatusField(contexts[0], "CapBnd"), kEight);
  EXPECT_EQ(StatusField(contexts[0], "CapInh"), kNoCapability);
  EXPECT_EQ(StatusField(contexts[0], "CapAmb"), kNoCapability);
  EXPECT_EQ(StatusField(contexts[0], "NoNewPrivs"), "1");
  EXPECT_EQ(StatusField(contexts[0], "Seccomp"), "2");
  // The host's number of it is init's, and nobody's there.
  EXPECT_EQ(StatusField(contexts[0], "Uid"), StatusField(shared_->InitOf("rootly"), "Uid"));
  shared_->Destroy("rootly");
}

TEST_F(ProfilesTest, WhatRootStartsIsRootAndWhoGivesItUpIsNot) {
  RunningSandbox root = LaunchAs("starts", "root");
  EXPECT_EQ(
      shared_->Output(root,
                      "import subprocess\n"
                      "grep = ['grep', 'CapEff', '/proc/self/status']\n"
                      "print(subprocess.check_output(grep, text=True).split()[1])\n"
                      "print(subprocess.check_output(grep, text=True, user=1000, group=1000,\n"
                      "                              extra_groups=[]).split()[1])\n"),
      absl::StrCat(kEight, "\n", kNoCapability, "\n"));
  shared_->Destroy("starts");
}

TEST_F(ProfilesTest, RootWritesWhatItsRootFileSystemAllows) {
  RunningSandbox root = LaunchAs("writes", "root");
  EXPECT_EQ(shared_->Output(root,
                            "import os\n"
                            "for d in ('/etc', '/opt', '/root', '/var/lib', '/home/user', '/tmp',\n"
                            "          '/dev', '/proc/sys/kernel', '/sys'):\n"
                            "    try:\n"
                            "        open(d + '/x', 'w').close(); print(d)\n"
                            "    except OSError: pass\n"
                            "os.chown('/etc/x', 1000, 1000)\n"
                            "print(os.stat('/etc/x').st_uid)"),
            "/etc\n/opt\n/root\n/var/lib\n/home/user\n/tmp\n/sys\n1000\n");
  shared_->Destroy("writes");
}

TEST_F(ProfilesTest, UserAndRootLiveInOneSandbox) {
  RunningSandbox user = LaunchAs("both", "user");
  RunningSandbox root = FurtherAs("both", "root");
  RunningSandbox other = FurtherAs("both", "");
  EXPECT_EQ(shared_->Output(root, kWhoAmI), absl::StrCat("(0, 0, 0) (0, 0, 0) [] ", kEight, "\n"));
  for (const RunningSandbox* each : {&user, &other}) {
    EXPECT_EQ(shared_->Output(*each, kWhoAmI),
              absl::StrCat("(1000, 1000, 1000) (1000, 1000, 1000) [] ", kNoCapability, "\n"));
  }
  shared_->Output(root,
                  "import os\n"
                  "open('/tmp/closed', 'w').close(); os.chmod('/tmp/closed', 0o600)");
  EXPECT_THAT(shared_->Run(user, "open('/tmp/closed')").error, HasSubstr("PermissionError"));
  // The other way round it may.
  shared_->Output(user,
                  "import os\n"
                  "open('/tmp/own', 'w').write('mine'); os.chmod('/tmp/own', 0)");
  EXPECT_EQ(shared_->Output(root, "print(open('/tmp/own').read())"), "mine\n");
  shared_->Destroy("both");
}

TEST_F(ProfilesTest, OneThatIsNotAskedForIsTheSandboxs) {
  RunningSandbox first = LaunchAs("inherits", "root");
  RunningSandbox further = FurtherAs("inherits", "");
  EXPECT_THAT(shared_->Output(further, kWhoAmI), HasSubstr("(0, 0, 0)"));
  RunningSandbox user = FurtherAs("inherits", "user");
  EXPECT_THAT(shared_->Output(user, kWhoAmI), HasSubstr("(1000, 1000, 1000)"));
  shared_->Destroy("inherits");
}

TEST_F(ProfilesTest, LimitsOnResourcesAreThoseOfThePolicyAndTheProfile) {
  for (const char* profile : {"user", "root"}) {
    RunningSandbox sandbox = LaunchAs("limited", profile);
    EXPECT_EQ(
        shared_->Output(sandbox,
                        "import resource\n"
                        "print(*[resource.getrlimit(n)[1] for n in (7, 11, 8, 12, 13, 14, 4)])"),
        "1024 1024 0 0 0 0 1\n")
        << profile;
    shared_->Destroy("limited");
  }
}

// pid 1 has root's user id; nothing else stands between them.
TEST_F(ProfilesTest, InitIsClosedToRoot) {
  RunningSandbox root = LaunchAs("initially", "root");
  EXPECT_EQ(shared_->Output(root,
                            "import os\n"
                            "print(os.path.lexists('/proc/1'))\n"
                            "for name in ('mem', 'environ', 'maps', 'fd', 'root', 'cwd'):\n"
                            "    try: print(os.open('/proc/1/' + name, os.O_RDONLY))\n"
                            "    except OSError: pass\n"
                            "for number in range(1, 65):\n"
                            "    try: os.kill(1, number)\n"
                            "    except OSError: pass\n"),
            "False\n");
  EXPECT_EQ(shared_->Output(root, "print('on')"), "on\n");
  shared_->Destroy("initially");
}

TEST_F(ProfilesTest, RefusesWhatTheTemplateDoesNotGrant) {
  internal::SandboxSpec spec = shared_->Spec("refused");
  for (const char* profile : {"init", "agent", "zygote", "admin", "../root"}) {
    spec.set_profile(profile);
    absl::Status status = shared_->WaitForStatus(shared_->RequestCreate(spec, zygote_));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), EndsWith("there is: user, root"));
  }
  EXPECT_FALSE(shared_->GroupExists("refused"));
  RunningSandbox sandbox = LaunchAs("refusing", "user");
  for (const char* profile : {"init", "agent", "zygote", "admin"}) {
    absl::Status status =
        shared_->WaitForStatus(shared_->RequestProcess("refusing", zygote_, profile));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), EndsWith("there is: user, root"));
  }
  EXPECT_EQ(shared_->Output(sandbox, "print('on')"), "on\n");
  shared_->Destroy("refusing");
}

}  // namespace
}  // namespace warren
