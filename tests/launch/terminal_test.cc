// The terminals that the agent gives commands: real ones, in a real sandbox. Needs root.

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/launch/agent_testing.h"

namespace warren {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class TerminalTest : public AgentTest {
 protected:
  RunningCommand StartedOnTerminal(const std::vector<std::string>& argv,
                                   const std::string& profile = "", uint32_t rows = 24,
                                   uint32_t columns = 80) {
    RunningCommand command = Offered(profile);
    internal::AgentRequest request = StartRequest(command.process_id, argv);
    request.mutable_start()->mutable_terminal()->set_rows(rows);
    request.mutable_start()->mutable_terminal()->set_columns(columns);
    Ask(request);
    EXPECT_EQ(NextEvent().started().process_id(), command.process_id);
    return command;
  }
  void Resize(const RunningCommand& command, uint32_t rows, uint32_t columns) {
    internal::AgentRequest request;
    request.mutable_resize()->set_process_id(command.process_id);
    request.mutable_resize()->mutable_size()->set_rows(rows);
    request.mutable_resize()->mutable_size()->set_columns(columns);
    Ask(request);
  }
  static void Type(const RunningCommand& command, absl::string_view text) {
    EXPECT_EQ(::write(command.in.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  // Reads on until this was said.
  std::string ReadUntil(const RunningCommand& command, const std::string& wanted) {
    std::string text;
    char bytes[4096];
    while (text.find(wanted) == std::string::npos) {
      pollfd wait = {command.out.get(), POLLIN, 0};
      ssize_t size = 0;
      if (::poll(&wait, 1, PatienceMs()) == 1)
        size = ::read(command.out.get(), bytes, sizeof(bytes));
      if (size <= 0) {
        ADD_FAILURE() << "it does not say \"" << wanted << "\", but: " << text;
        return text;
      }
      text.append(bytes, static_cast<size_t>(size));
    }
    return text;
  }
};

TEST_F(TerminalTest, ACommandHasItAsItsControllingTerminalAndStandardStreams) {
  RunningCommand command = StartedOnTerminal(
      {"python3", "-I", "-c",
       "import os\n"
       "print([os.isatty(fd) for fd in (0, 1, 2)], os.ttyname(0), os.getsid(0) == os.getpid(),\n"
       "      os.tcgetpgrp(0) == os.getpgrp(), os.stat(os.ttyname(0)).st_uid,\n"
       "      os.get_terminal_size(0), sorted(os.listdir('/proc/self/fd')))\n"
       "print('err', file=open('/dev/tty', 'w'))\n"},
      "", 41, 132);
  const std::string out = ReadToEnd(command.out);
  EXPECT_THAT(out, HasSubstr("[True, True, True] /dev/pts/"));
  EXPECT_THAT(out, HasSubstr("True True 1000 os.terminal_size(columns=132, lines=41) "
                             "['0', '1', '2', '3']"));
  EXPECT_THAT(out, EndsWith("err\r\n"));
  EXPECT_EQ(ReadToEnd(command.err), "");
  EXPECT_EQ(Exit(command).exit_code(), 0);
}

TEST_F(TerminalTest, ItBelongsToItsUser) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "stat -c %u $(tty); id -u"}, "root");
  EXPECT_EQ(ReadToEnd(command.out), "0\r\n0\r\n");
}

TEST_F(TerminalTest, WhatIsTypedIsEchoedAndReadByLine) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "read line; echo got $line"});
  Type(command, "wxrdX\x7f\n");
  const std::string out = ReadToEnd(command.out);
  EXPECT_THAT(out, HasSubstr("got wxrd\r\n"));
  EXPECT_EQ(Exit(command).exit_code(), 0);
}

TEST_F(TerminalTest, TheEndOfTheInputIsItsEndOfFileCharacter) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "stty -echo; echo go; cat; echo end"});
  ReadUntil(command, "go\r\n");
  Type(command, "line\n");
  command.in.reset();
  EXPECT_EQ(ReadToEnd(command.out), "line\r\nend\r\n");
  EXPECT_EQ(Exit(command).exit_code(), 0);
}

TEST_F(TerminalTest, AResizeIsSeenAndSignalled) {
  RunningCommand command =
      StartedOnTerminal({"python3", "-I", "-c",
                         // Not by a handler: one that Python has to call just before a pause(2)
                         // is called after it.
                         "import os, signal\n"
                         "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
                         "os.write(1, b'ready')\n"
                         "while signal.sigwait([signal.SIGWINCH]):\n"
                         "    os.write(1, repr(os.get_terminal_size(0)).encode())\n"});
  ReadUntil(command, "ready");
  Resize(command, 50, 100);
  ReadUntil(command, "os.terminal_size(columns=100, lines=50)");
  Resize(command, 0, 65535);
  ReadUntil(command, "os.terminal_size(columns=65535, lines=0)");
  EXPECT_EQ(Kill(command.process_id), absl::OkStatus());
  EXPECT_EQ(Exit(command).signal(), SIGKILL);
}

TEST_F(TerminalTest, ControlCharactersSignalTheForegroundJob) {
  RunningCommand command = StartedOnTerminal({"bash", "--norc", "--noprofile", "-i"});
  Type(command, "PS1=; stty -echo; set +o history\necho $((40+2)) ready\n");
  ReadUntil(command, "42 ready");
  // Two jobs: one in the background, one that is interrupted.
  Type(command, "sleep 1000 & echo bg; cat\n");
  ReadUntil(command, "bg\r\n");
  Type(command, "seen\n");
  ReadUntil(command, "seen\r\n");
  Type(command, "\x03");
  // The shell's word on it.
  ReadUntil(command, "\n");
  Type(command, "echo status $?\n");
  ReadUntil(command, "status 130");
  Type(command, "jobs; kill %1; wait; fg; exit 7\n");
  const std::string out = ReadToEnd(command.out);
  EXPECT_THAT(out, HasSubstr("Running"));
  EXPECT_THAT(out, HasSubstr("no such job"));
  EXPECT_EQ(Exit(command).exit_code(), 7);
}

TEST_F(TerminalTest, OutputIsWholeHoweverSlowItIsRead) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "stty -opost; seq 1 60000; echo end"});
  // It ends only when it is read; its terminal and pipe hold less than that.
  pollfd wait = {command.out.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, PatienceMs()), 1);
  std::string expected;
  for (int i = 1; i <= 60000; ++i) absl::StrAppend(&expected, i, "\n");
  EXPECT_EQ(ReadToEnd(command.out), expected + "end\n");
  EXPECT_EQ(Exit(command).exit_code(), 0);
}

TEST_F(TerminalTest, WhatItHoldsAtTheEndIsReadAfterIt) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "stty -opost; seq 1 2000"});
  EXPECT_EQ(Exit(command).exit_code(), 0);
  EXPECT_THAT(ReadToEnd(command.out), EndsWith("\n1999\n2000\n"));
}

TEST_F(TerminalTest, WhoHoldsItOpenDoesNotKeepItsEnd) {
  RunningCommand command = StartedOnTerminal(
      {"sh", "-c", "trap '' HUP; (while :; do echo more; done) & echo $!; exit 5"});
  ReadToEnd(command.out);
  EXPECT_EQ(Exit(command).exit_code(), 5);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(command.process_id)); }));
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n");
}

TEST_F(TerminalTest, OneThatIgnoresItsHangUpIsKilledWithItsGroup) {
  RunningCommand command = StartedOnTerminal({"sh", "-c",
                                              "trap '' HUP TERM INT; echo on; "
                                              "while :; do sleep 1000; done"});
  ReadUntil(command, "on");
  EXPECT_EQ(Kill(command.process_id), absl::OkStatus());
  EXPECT_EQ(Exit(command).signal(), SIGKILL);
  ReadToEnd(command.out);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(command.process_id)); }));
}

TEST_F(TerminalTest, WhoeverReadsNoMoreHangsItUp) {
  RunningCommand command = StartedOnTerminal({"sh", "-c", "while :; do echo more; done"});
  ReadUntil(command, "more");
  command.out.reset();
  EXPECT_EQ(Exit(command).signal(), SIGHUP);
  EXPECT_EQ(OutputOf({"echo", "on"}), "on\n") << "the agent lives";
}

TEST_F(TerminalTest, ManyAreMadeAndGone) {
  for (int i = 0; i < 70; ++i) {
    RunningCommand command = StartedOnTerminal({"echo", "one"});
    EXPECT_EQ(ReadToEnd(command.out), "one\r\n") << i;
    Exit(command);
  }
  EXPECT_EQ(OutputOf({"ls", "/dev/pts"}), "ptmx\n");
}

TEST_F(TerminalTest, ASizeThatIsNoneBreaksABound) {
  RunningCommand command = StartedOnTerminal({"sleep", "1000"});
  Resize(command, 65536, 1);
  EXPECT_EQ(NextEvent().event_case(), internal::AgentEvent::EVENT_NOT_SET) << "it is gone";
  EXPECT_EQ(Exit(command).signal(), SIGKILL);
}

}  // namespace
}  // namespace warren
