// The agent of a sandbox and the commands that it starts, on whatever cgroup hierarchies this
// kernel has. Needs root.

#include <poll.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/io.h"
#include "runtime/control/frame.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"
#include "warren/internal/agent.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The supervisor's ends.
struct RunningAgent {
  uint64_t process_id = 0;
  UniqueFd requests;
  UniqueFd events;
};
struct RunningCommand {
  uint64_t process_id = 0;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

class AgentTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    static int count = 0;
    id_ = absl::StrCat("agent", ++count);
    context_ = shared_->Launch(id_, zygote_);
    ASSERT_TRUE(context_.launched()) << context_.reply.message();
    agent_ = StartAgent();
  }
  void TearDown() override {
    if (shared_->GroupExists(id_)) shared_->Destroy(id_);
    EXPECT_FALSE(shared_->GroupExists(id_));
  }

  RunningAgent StartAgent() {
    LauncherMessage reply =
        shared_->WaitForReply(shared_->RequestProcess(id_, internal::StartProcess::AGENT));
    EXPECT_EQ(reply.fds.size(), 2u) << reply.reply.message();
    if (reply.fds.size() != 2) return {};
    return {reply.reply.process_started().process_id(), std::move(reply.fds[0]),
            std::move(reply.fds[1])};
  }

  // Offered by the launcher, not started.
  RunningCommand Offered(const std::string& profile = "") {
    LauncherMessage reply = shared_->WaitForReply(
        shared_->RequestProcess(id_, internal::StartProcess::COMMAND, profile));
    EXPECT_EQ(reply.fds.size(), 3u) << reply.reply.message();
    if (reply.fds.size() != 3) return {};
    return {reply.reply.process_started().process_id(), std::move(reply.fds[0]),
            std::move(reply.fds[1]), std::move(reply.fds[2])};
  }

  void Ask(const internal::AgentRequest& request) {
    std::string frame;
    EXPECT_EQ(AppendFrame(request, &frame), absl::OkStatus());
    AskBytes(frame);
  }
  void AskBytes(absl::string_view bytes) {
    EXPECT_EQ(::write(agent_.requests.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  static internal::AgentRequest StartRequest(uint64_t process_id,
                                             const std::vector<std::string>& argv) {
    internal::AgentRequest request;
    request.mutable_start()->set_process_id(process_id);
    for (const std::string& argument : argv) request.mutable_start()->add_argv(argument);
    return request;
  }

  // The next thing that the agent says; empty when it is gone.
  internal::AgentEvent NextEvent() {
    internal::AgentEvent event;
    while (events_.empty()) {
      pollfd wait = {agent_.events.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "the agent says nothing";
      char bytes[4096];
      const ssize_t size = ::read(agent_.events.get(), bytes, sizeof(bytes));
      if (size <= 0) return event;
      EXPECT_EQ(parser_.Feed({bytes, static_cast<size_t>(size)},
                             [&](absl::string_view frame) {
                               events_.emplace_back(frame);
                               return FrameParser::Next::kContinue;
                             }),
                absl::OkStatus());
    }
    EXPECT_TRUE(event.ParseFromString(events_.front()));
    events_.pop_front();
    return event;
  }

  RunningCommand Started(const std::vector<std::string>& argv, const std::string& profile = "") {
    RunningCommand command = Offered(profile);
    Ask(StartRequest(command.process_id, argv));
    EXPECT_EQ(NextEvent().started().process_id(), command.process_id);
    return command;
  }

  // Until its end.
  static std::string ReadToEnd(const UniqueFd& fd) {
    std::string text;
    char bytes[4096];
    while (true) {
      pollfd wait = {fd.get(), POLLIN, 0};
      if (::poll(&wait, 1, PatienceMs()) != 1) {
        ADD_FAILURE() << "the stream does not end";
        return text;
      }
      const ssize_t size = ::read(fd.get(), bytes, sizeof(bytes));
      if (size <= 0) return text;
      text.append(bytes, static_cast<size_t>(size));
    }
  }

  std::string OutputOf(const std::vector<std::string>& argv, const std::string& profile = "") {
    RunningCommand command = Started(argv, profile);
    command.in.reset();
    const std::string out = ReadToEnd(command.out);
    EXPECT_EQ(ReadToEnd(command.err), "");
    EXPECT_EQ(Exit(command).exit_code(), 0);
    return out;
  }

  internal::ProcessExited Exit(const RunningCommand& command) {
    return shared_->WaitForProcessExited(id_, command.process_id);
  }
  std::string GroupOf(uint64_t process_id) const { return absl::StrCat(id_, "/p", process_id); }
  pid_t AgentPid() const {
    const std::vector<pid_t> pids = shared_->PidsInFreezer(GroupOf(agent_.process_id));
    EXPECT_EQ(pids.size(), 1u);
    return pids.empty() ? -1 : pids[0];
  }
  absl::Status Kill(uint64_t process_id) {
    return shared_->WaitForStatus(shared_->RequestKill(id_, process_id));
  }

  std::string id_;
  RunningSandbox context_;
  RunningAgent agent_;
  FrameParser parser_;
  std::deque<std::string> events_;
};

TEST_F(AgentTest, RunsACommand) {
  RunningCommand command = Started({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(ReadToEnd(command.out), "out\n");
  EXPECT_EQ(ReadToEnd(command.err), "err\n");
  internal::ProcessExited exited = Exit(command);
  EXPECT_EQ(exited.exit_code(), 3);
  EXPECT_EQ(exited.signal(), 0);
  EXPECT_FALSE(exited.sandbox_ends());
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(command.process_id)); }));
  EXPECT_EQ(shared_->Output(context_, "print('on')"), "on\n");
}

TEST_F(AgentTest, ACommandReadsItsInput) {
  RunningCommand command = Started({"cat"});
  ASSERT_EQ(::write(command.in.get(), "given", 5), 5);
  command.in.reset();
  EXPECT_EQ(ReadToEnd(command.out), "given");
  EXPECT_EQ(Exit(command).exit_code(), 0);
}

TEST_F(AgentTest, ACommandIsInTheSandboxAsItsUser) {
  const std::string program =
      "import os\n"
      "names = ('pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup')\n"
      "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
      "print([os.readlink('/proc/self/ns/' + name) for name in names], os.getresuid(),\n"
      "      os.getresgid(), os.getgroups(), os.getcwd(), sorted(os.listdir('/proc/self/fd')),\n"
      "      *(status[key].strip() for key in ('CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb',\n"
      "                                        'NoNewPrivs', 'Seccomp')))\n";
  const std::string out = OutputOf({"python3", "-I", "-c", program});
  EXPECT_THAT(out, HasSubstr("(1000, 1000, 1000) (1000, 1000, 1000) [] /home/user "
                             "['0', '1', '2', '3'] 0000000000000000 0000000000000000 "
                             "0000000000000000 0000000000000000 0000000000000000 1 2"));
  const std::string of_context = shared_->Output(context_, program);
  EXPECT_EQ(absl::StrSplit(out, ']').begin()->substr(0),
            absl::StrSplit(of_context, ']').begin()->substr(0))
      << "the namespaces of its contexts";
}

TEST_F(AgentTest, ACommandIsUnderTheFilterOfUserCode) {
  RunningCommand command = Started({"python3", "-I", "-c",
                                    "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
                                    "print(libc.unshare(0x10000000), ctypes.get_errno(),\n"
                                    "      libc.setresuid(0, 0, 0), ctypes.get_errno())"});
  EXPECT_EQ(ReadToEnd(command.out), "-1 1 -1 1\n");
  // A policy that lets it be changed would be seen here.
  RunningCommand write = Started({"sh", "-c", "echo x > /usr/bin/new || echo x > /etc/new"});
  EXPECT_EQ(ReadToEnd(write.out), "");
  EXPECT_NE(Exit(write).exit_code(), 0);
}

TEST_F(AgentTest, ACommandHasTheEnvironmentOfItsProfileUnderItsOwn) {
  RunningCommand command = Offered();
  internal::AgentRequest request =
      StartRequest(command.process_id, {"sh", "-c", "echo $HOME $OWN"});
  request.mutable_start()->add_environment("OWN=own");
  Ask(request);
  EXPECT_EQ(ReadToEnd(command.out), "/home/user own\n");
  command = Offered();
  request = StartRequest(command.process_id, {"sh", "-c", "echo $HOME"});
  request.mutable_start()->add_environment("HOME=/tmp");
  Ask(request);
  EXPECT_EQ(ReadToEnd(command.out), "/tmp\n");
}

TEST_F(AgentTest, ACommandOfRootIsRootOfItsSandbox) {
  EXPECT_EQ(
      OutputOf({"sh", "-c",
                "id -u; grep -E '^Cap(Prm|Bnd)|^NoNewPrivs' /proc/self/status | tr -d '\\n'; "
                "echo; touch /etc/new && chown 1000 /etc/new && stat -c %u /etc/new; echo $HOME"},
               "root"),
      "0\nCapPrm:\t00000000000004fbCapBnd:\t00000000000004fbNoNewPrivs:\t1\n1000\n/root\n");
  EXPECT_TRUE(absl::IsInvalidArgument(shared_->WaitForStatus(
      shared_->RequestProcess(id_, internal::StartProcess::COMMAND, "agent"))));
}

// Root of the sandbox has the agent's user id, and may signal and look into what it can name. 1 is
// init, 2 the context, which this ends.
TEST_F(AgentTest, RootInsideCannotReachTheAgent) {
  const pid_t agent = AgentPid();
  const std::string program =
      "import ctypes, os, signal\n"
      "libc = ctypes.CDLL(None)\n"
      "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
      "os.kill(-1, signal.SIGKILL)\n"
      "for pid in range(3, 40000):\n"
      "    if pid == os.getpid(): continue\n"
      "    for attempt in (lambda: os.kill(pid, signal.SIGKILL),\n"
      "                    lambda: os.pidfd_open(pid),\n"
      "                    lambda: os.listdir(f'/proc/{pid}/fd')):\n"
      "        try: attempt(); print('reached', pid)\n"
      "        except OSError: pass\n"
      "    if libc.ptrace(16, pid, 0, 0) == 0: print('traced', pid)\n"
      "print('done', sorted(p for p in os.listdir('/proc') if p.isdigit() and int(p) > 1)\n"
      "      == [str(os.getpid())])\n";
  RunningCommand command = Started({"python3", "-I", "-c", program}, "root");
  command.in.reset();
  EXPECT_EQ(ReadToEnd(command.out), "done True\n");
  EXPECT_EQ(Exit(command).exit_code(), 0);
  EXPECT_EQ(AgentPid(), agent);
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
  EXPECT_EQ(shared_->WaitForProcessExited(id_).signal(), SIGKILL) << "the context";
}

TEST_F(AgentTest, NothingInsideSeesTheAgent) {
  const std::string agent = absl::StrCat(AgentPid());
  // Whoever looks sees itself: others' processes are hidden, and the context's as well, which is
  // in a Landlock domain of its own.
  EXPECT_EQ(OutputOf({"sh", "-c", "cd /proc; n=0; for p in [0-9]*; do n=$((n+1)); done; echo $n"}),
            "1\n");
  EXPECT_EQ(shared_->Output(context_,
                            "import os, signal\n"
                            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                            "try: os.kill(-1, signal.SIGTERM); print('sent')\n"
                            "except ProcessLookupError: print('nobody')\n"),
            "nobody\n");
  EXPECT_EQ(absl::StrCat(AgentPid()), agent);
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
}

TEST_F(AgentTest, TheAgentKeepsLittle) {
  const pid_t agent = AgentPid();
  const pid_t init = shared_->InitOf(id_);
  for (const char* name : {"mnt", "net", "ipc", "uts", "user", "cgroup"}) {
    auto link = [&](pid_t pid) {
      return fs::read_symlink(absl::StrCat("/proc/", pid, "/ns/", name)).string();
    };
    EXPECT_EQ(link(agent), link(init)) << name;
  }
  EXPECT_NE(fs::read_symlink(absl::StrCat("/proc/", agent, "/ns/pid")),
            fs::read_symlink(absl::StrCat("/proc/", init, "/ns/pid")));
  EXPECT_EQ(fs::read_symlink(absl::StrCat("/proc/", agent, "/ns/pid_for_children")),
            fs::read_symlink(absl::StrCat("/proc/", init, "/ns/pid")));
  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE.
  const std::string kept = "00000000000005fb";
  EXPECT_EQ(StatusField(agent, "CapPrm"), kept);
  EXPECT_EQ(StatusField(agent, "CapEff"), kept);
  EXPECT_EQ(StatusField(agent, "CapBnd"), kept);
  EXPECT_EQ(StatusField(agent, "CapInh"), "0000000000000000");
  EXPECT_EQ(StatusField(agent, "NoNewPrivs"), "1");
  EXPECT_EQ(StatusField(agent, "Seccomp"), "2");
  EXPECT_EQ(StatusField(agent, "Uid"), StatusField(init, "Uid"));
  EXPECT_EQ(StatusField(agent, "Threads"), "1");
  // Its sockets, pipes and the signals' descriptor: nothing of the host's but /dev/null.
  for (const auto& entry : fs::directory_iterator(absl::StrCat("/proc/", agent, "/fd"))) {
    const std::string target = fs::read_symlink(entry.path());
    EXPECT_TRUE(absl::StartsWith(target, "socket:") || absl::StartsWith(target, "pipe:") ||
                target == "anon_inode:[signalfd]" || target == "/dev/null")
        << target;
  }
}

TEST_F(AgentTest, SaysUnderWhichPidACommandRunsInside) {
  RunningCommand command = Offered();
  Ask(StartRequest(command.process_id, {"sh", "-c", "echo $$"}));
  const int32_t pid = NextEvent().started().pid();
  EXPECT_EQ(ReadToEnd(command.out), absl::StrCat(pid, "\n"));
}

TEST_F(AgentTest, SaysWhatCouldNotBeExecuted) {
  RunningCommand absent = Offered();
  Ask(StartRequest(absent.process_id, {"/no/such/program"}));
  internal::CommandFailed failed = NextEvent().failed();
  EXPECT_EQ(failed.process_id(), absent.process_id);
  EXPECT_EQ(failed.step(), internal::CommandFailed::EXECUTE);
  EXPECT_EQ(failed.error(), ENOENT);
  EXPECT_EQ(Exit(absent).exit_code(), 127);

  RunningCommand nowhere = Offered();
  internal::AgentRequest request = StartRequest(nowhere.process_id, {"true"});
  request.mutable_start()->set_working_directory("/root");
  Ask(request);
  EXPECT_EQ(NextEvent().failed().step(), internal::CommandFailed::WORKING_DIRECTORY);
  EXPECT_EQ(Exit(nowhere).exit_code(), 127);
}

// What the launcher ignores would be ignored by every program below it.
TEST_F(AgentTest, NoSignalIsIgnoredOrBlocked) {
  const std::string program = "grep -E '^Sig(Ign|Blk)' /proc/self/status | tr -d '\\n\\t'";
  EXPECT_EQ(OutputOf({"sh", "-c", program}), "SigBlk:0000000000000000SigIgn:0000000000000000");
  EXPECT_EQ(shared_->Output(
                context_, "import subprocess\nprint(subprocess.check_output(['sh', '-c', r\"\"\"" +
                              program + "\"\"\"]).decode())"),
            "SigBlk:0000000000000000SigIgn:0000000000000000\n");
}

TEST_F(AgentTest, ASignalIsForTheCommandAKillForAllThatItStarted) {
  RunningCommand signalled = Started({"sleep", "600"});
  internal::AgentRequest request;
  request.mutable_signal()->set_process_id(signalled.process_id);
  request.mutable_signal()->set_signal(SIGTERM);
  Ask(request);
  EXPECT_EQ(Exit(signalled).signal(), SIGTERM);

  RunningCommand killed =
      Started({"sh", "-c", "for i in 1 2 3; do setsid sleep 600 & done; echo there; wait"});
  RunningCommand other = Started({"cat"});
  EXPECT_TRUE(
      Eventually([&] { return shared_->PidsInFreezer(GroupOf(killed.process_id)).size() == 4; }));
  EXPECT_EQ(Kill(killed.process_id), absl::OkStatus());
  EXPECT_EQ(Exit(killed).signal(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(killed.process_id)); }));
  other.in.reset();
  EXPECT_EQ(Exit(other).exit_code(), 0);
}

TEST_F(AgentTest, ACommandsCpuTimeIsCounted) {
  RunningCommand command =
      Started({"python3", "-I", "-c", "import time\nwhile time.process_time() < 0.2: pass"});
  EXPECT_GT(Exit(command).cpu_us(), 200'000);
}

TEST_F(AgentTest, OutOfMemoryInACommandEndsTheSandbox) {
  RunningCommand command =
      Started({"python3", "-I", "-c", "kept = []\nwhile True: kept.append(b'x' * (16 << 20))"});
  EXPECT_EQ(shared_->WaitForGone(id_), internal::SandboxGone::OUT_OF_MEMORY);
}

TEST_F(AgentTest, ACommandThatWasNotStartedCanBeKilled) {
  RunningCommand command = Offered();
  EXPECT_EQ(Kill(command.process_id), absl::OkStatus());
  EXPECT_EQ(Exit(command).signal(), SIGKILL);
  Ask(StartRequest(command.process_id, {"true"}));
  EXPECT_EQ(NextEvent().failed().process_id(), command.process_id);
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
}

TEST_F(AgentTest, StartsNothingThatWasNotOffered) {
  Ask(StartRequest(77, {"touch", "/tmp/seventyseven"}));
  const internal::CommandFailed failed = NextEvent().failed();
  EXPECT_EQ(failed.process_id(), 77u);
  EXPECT_EQ(failed.step(), internal::CommandFailed::NOT_OFFERED);
  // Nor the same twice.
  RunningCommand command = Started({"cat"});
  Ask(StartRequest(command.process_id, {"touch", "/tmp/twice"}));
  EXPECT_EQ(NextEvent().failed().process_id(), command.process_id);
  EXPECT_EQ(shared_->Output(context_, "import os; print(sorted(os.listdir('/tmp')))"), "[]\n");
}

TEST_F(AgentTest, ItsDeathIsThatOfItsCommandsAndNobodyElses) {
  RunningCommand first = Started({"sleep", "600"});
  RunningCommand second = Started({"sh", "-c", "setsid sleep 600 & wait"});
  ASSERT_EQ(KillProcess(AgentPid(), SIGKILL), 0);
  EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_.process_id).signal(), SIGKILL);
  EXPECT_EQ(Exit(first).signal(), SIGKILL);
  EXPECT_EQ(Exit(second).signal(), SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return !shared_->GroupExists(GroupOf(first.process_id)) &&
           !shared_->GroupExists(GroupOf(second.process_id)) &&
           !shared_->GroupExists(GroupOf(agent_.process_id));
  }));
  EXPECT_EQ(shared_->Output(context_, "print('on')"), "on\n");
  agent_ = StartAgent();
  EXPECT_EQ(OutputOf({"echo", "again"}), "again\n");
}

TEST_F(AgentTest, AStoppedAgentIsReplaced) {
  ASSERT_EQ(KillProcess(AgentPid(), SIGSTOP), 0);
  internal::ProcessExited exited = shared_->WaitForProcessExited(id_, agent_.process_id);
  EXPECT_TRUE(exited.stopped());
  agent_ = StartAgent();
  EXPECT_EQ(OutputOf({"echo", "again"}), "again\n");
}

TEST_F(AgentTest, OneAgentASandbox) {
  EXPECT_TRUE(absl::IsAlreadyExists(
      shared_->WaitForStatus(shared_->RequestProcess(id_, internal::StartProcess::AGENT))));
  EXPECT_EQ(Kill(agent_.process_id), absl::OkStatus());
  EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_.process_id).signal(), SIGKILL);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      shared_->WaitForStatus(shared_->RequestProcess(id_, internal::StartProcess::COMMAND))));
}

TEST_F(AgentTest, ASandboxThatEndsTakesItAlong) {
  RunningCommand command = Started({"sleep", "600"});
  const pid_t agent = AgentPid();
  shared_->Destroy(id_);
  EXPECT_FALSE(fs::exists(absl::StrCat("/proc/", agent)) &&
               StatusField(agent, "State").substr(0, 1) != "Z");
  // Init's death by itself, too.
  context_ = shared_->Launch(absl::StrCat(id_, "x"), zygote_);
  id_ = absl::StrCat(id_, "x");
  agent_ = StartAgent();
  ASSERT_EQ(KillProcess(shared_->InitOf(id_), SIGKILL), 0);
  EXPECT_EQ(shared_->WaitForGone(id_), internal::SandboxGone::INIT_DIED);
}

TEST_F(AgentTest, WhoBreaksTheProtocolLosesTheAgentAndNothingElse) {
  const std::string frames[] = {
      std::string(4, '\0'), std::string("\xff\xff\xff\xff", 4),
      std::string("\x02\0\0\0\xff\xff", 6),
      [] {
        std::string frame;
        AppendFrame(StartRequest(1, {std::string("a\0b", 3)}), &frame).IgnoreError();
        return frame;
      }(),
      [] {
        internal::AgentRequest request;
        request.mutable_start();
        std::string frame;
        AppendFrame(request, &frame).IgnoreError();
        return frame;
      }()};
  for (const std::string& frame : frames) {
    AskBytes(frame);
    EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_.process_id).exit_code(), 1);
    agent_ = StartAgent();
    parser_ = FrameParser();
  }
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
  EXPECT_EQ(shared_->Output(context_, "print('on')"), "on\n");
}

}  // namespace
}  // namespace warren
