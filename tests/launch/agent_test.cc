// The agent of a sandbox and the commands that it starts, on whatever cgroup hierarchies this
// kernel has. Needs root.

#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/io.h"
#include "tests/launch/agent_testing.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
      "import ctypes, os, signal, time\n"
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
      // Until its zygote has reaped it, the context is listed; the agent never is.
      "def alone():\n"
      "    seen = [p for p in os.listdir('/proc') if p.isdigit() and int(p) > 1]\n"
      "    return seen == [str(os.getpid())]\n"
      "for attempt in range(2000):\n"
      "    if alone(): break\n"
      "    time.sleep(0.01)\n"
      "print('done', alone())\n";
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
  // Whoever looks sees itself: others' processes are hidden, and the context's, which is of the
  // same user, as well, where it is in a Landlock domain of its own.
  const bool has_landlock =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
  EXPECT_EQ(OutputOf({"sh", "-c", "cd /proc; n=0; for p in [0-9]*; do n=$((n+1)); done; echo $n"}),
            has_landlock ? "1\n" : "2\n");
  // Of the user, all of them; the agent is root's.
  EXPECT_EQ(OutputOf({"sh", "-c", "cd /proc; stat -c %u [0-9]*"}),
            has_landlock ? "1000\n" : "1000\n1000\n");
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
  // It is dead. In this order, for between the looks it may be reaped.
  const std::string state = StatusField(agent, "State");
  EXPECT_TRUE(absl::StartsWith(state, "Z") || !fs::exists(absl::StrCat("/proc/", agent))) << state;
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

// ---- sudo -------------------------------------------------------------------------------------

TEST_F(AgentTest, WhoWaitsForRootIsServedByACommandOfItsOffer) {
  shared_->StartCell(context_,
                     "import subprocess\n"
                     "done = subprocess.run(['sudo', 'sh', '-c', 'id -u; cat; exit 4'],\n"
                     "                      input='in', capture_output=True, text=True)\n"
                     "print(done.returncode, done.stdout, done.stderr)");
  EXPECT_TRUE(NextEvent().has_root_wanted());
  RunningCommand command = Offered("root");
  internal::AgentRequest request;
  request.mutable_start()->set_process_id(command.process_id);
  request.mutable_start()->set_serves_sudo(true);
  Ask(request);
  EXPECT_EQ(NextEvent().started().process_id(), command.process_id);
  EXPECT_EQ(shared_->FinishCell(context_).out, "4 0\nin \n");
  EXPECT_EQ(Exit(command).exit_code(), 4);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(command.process_id)); }));
}

TEST_F(AgentTest, WhoIsRefusedRootIsToldWhy) {
  shared_->StartCell(context_,
                     "import subprocess\n"
                     "done = subprocess.run(['sudo', 'id'], capture_output=True, text=True)\n"
                     "print(done.returncode, done.stdout, done.stderr)");
  EXPECT_TRUE(NextEvent().has_root_wanted());
  internal::AgentRequest request;
  request.mutable_refuse_root()->set_reason("not now");
  Ask(request);
  EXPECT_EQ(shared_->FinishCell(context_).out, "1  sudo: not now\n\n");
  // The next is asked about as the first was.
  shared_->StartCell(context_, "subprocess.run(['sudo', 'id'])");
  EXPECT_TRUE(NextEvent().has_root_wanted());
  Ask(request);
  EXPECT_FALSE(shared_->FinishCell(context_).gone);
}

// Neither comes of what was not asked.
TEST_F(AgentTest, NobodyIsServedWhoDoesNotWait) {
  internal::AgentRequest serve;
  serve.mutable_start()->set_process_id(Offered("root").process_id);
  serve.mutable_start()->set_serves_sudo(true);
  internal::AgentRequest refuse;
  refuse.mutable_refuse_root()->set_reason("no");
  for (const internal::AgentRequest& request : {serve, refuse}) {
    Ask(request);
    EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_.process_id).exit_code(), 1);
    agent_ = StartAgent();
    parser_ = FrameParser();
  }
}

// What comes over a connection, and closing what comes, is nothing that the agent waits for: a
// socket that lingers would hold up whoever closes it last.
TEST_F(AgentTest, TakesNothingFromWhoWaits) {
  shared_->StartCell(
      context_,
      "import array, socket, struct\n"
      "server = socket.create_server(('127.0.0.1', 0))\n"
      "lingering = socket.create_connection(server.getsockname())\n"
      "peer = server.accept()[0]\n"
      "lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 60000))\n"
      "lingering.setblocking(False)\n"
      "try:\n"
      "    while True: lingering.send(b'x' * 65536)\n"
      "except BlockingIOError: pass\n"
      "lingering.setblocking(True)\n"
      "door = socket.socket(socket.AF_UNIX)\n"
      "door.connect('/run/warren/sudo')\n"
      "door.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,\n"
      "                       array.array('i', [lingering.fileno()]))])\n"
      "lingering.close()\n"
      "door.close()\n"
      "print('sent')");
  EXPECT_TRUE(NextEvent().has_root_wanted());
  EXPECT_EQ(shared_->FinishCell(context_).out, "sent\n");
  internal::AgentRequest request;
  request.mutable_refuse_root()->set_reason("no");
  Ask(request);
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
}

TEST_F(AgentTest, TheBellIsHeardWhereNoAgentIs) {
  const auto wanted = [&](const internal::LauncherReply& reply) {
    return reply.has_agent_wanted() && reply.agent_wanted().sandbox_id() == id_;
  };
  const std::string ring =
      "rope = open('/dev/warren-sudo', 'wb', buffering=0, opener=lambda path, flags:\n"
      "            os.open(path, os.O_WRONLY | os.O_NONBLOCK))\n"
      "try:\n"
      "    while rope.write(b'x' * 4096): pass\n"
      "except BlockingIOError: pass\n"
      "print('full')";
  EXPECT_EQ(shared_->Output(context_, "import os\n" + ring), "full\n");
  EXPECT_EQ(Kill(agent_.process_id), absl::OkStatus());
  shared_->WaitForProcessExited(id_, agent_.process_id);
  EXPECT_EQ(shared_->Output(context_, ring), "full\n");
  shared_->WaitFor(wanted, "the bell");
  agent_ = StartAgent();
  parser_ = FrameParser();
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
}

}  // namespace
}  // namespace warren
