// `sudo` in cells: what it gives, what it passes on, and what ends it. No sandbox here has an agent
// before its first one. In commands and terminals: that it is the same there.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "tests/e2e/process_stream.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Termination;

class SudoTest : public ServerTest {
 protected:
  // What a cell prints that runs `program` with `run`, which fails for what fails.
  static std::string Printed(TestSandbox& sandbox, const std::string& program) {
    CellRun run = sandbox.Execute(absl::StrCat(
        "import os, signal, subprocess, time\n"
        "def sudo(*words, **more):\n"
        "    done = subprocess.run(['sudo', *words], capture_output=True, text=True, **more)\n"
        "    return done.returncode, done.stdout, done.stderr\n",
        program));
    EXPECT_EQ(run.kind(), Termination::EXITED) << run.termination.message();
    EXPECT_TRUE(run.errors.empty()) << run.errors.at(0).traceback();
    return run.out;
  }
  static v1::StartProcessRequest Command(const TestSandbox& sandbox,
                                         const std::vector<std::string>& arguments) {
    v1::StartProcessRequest request;
    request.set_sandbox_id(sandbox.id());
    for (const std::string& argument : arguments) request.add_arguments(argument);
    return request;
  }
  static v1::StartProcessRequest OnATerminal(v1::StartProcessRequest request) {
    request.mutable_terminal()->set_rows(24);
    request.mutable_terminal()->set_columns(80);
    (*request.mutable_env())["TERM"] = "dumb";
    return request;
  }
  grpc::Status Write(const TestSandbox& sandbox, const std::string& process_id,
                     const std::string& data) {
    v1::WriteProcessInputRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_process_id(process_id);
    request.set_data(data);
    return Write(request);
  }
  grpc::Status CloseInput(const TestSandbox& sandbox, const std::string& process_id) {
    v1::WriteProcessInputRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_process_id(process_id);
    request.set_close(true);
    return Write(request);
  }

  std::unique_ptr<v1::ProcessService::Stub> processes_ =
      v1::ProcessService::NewStub(server().channel());

 private:
  grpc::Status Write(const v1::WriteProcessInputRequest& request) {
    grpc::ClientContext context;
    v1::WriteProcessInputResponse response;
    return processes_->WriteProcessInput(&context, request, &response);
  }
};

TEST_F(SudoTest, RunsACommandAsRootOfTheSandbox) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox, "print(sudo('id', '-u'))"), "(0, '0\\n', '')\n");
  EXPECT_EQ(Printed(sandbox, "print(sudo('-u', 'user', 'id', '-un'))"), "(0, 'user\\n', '')\n");
  EXPECT_EQ(Printed(sandbox, "print(sudo('sudo', '-n', 'sudo', 'id', '-u'))"), "(0, '0\\n', '')\n");
  EXPECT_EQ(Printed(sandbox, "print(sudo('-v')[0], sudo('-l')[0])"), "0 0\n");
  EXPECT_THAT(sandbox.Execute("!sudo id -u").out, HasSubstr("0"));
}

// Where its profile sets PATH anew, Warren's directory is not in it.
TEST_F(SudoTest, IsFoundByALoginShell) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "done = subprocess.run(['bash', '-lc', 'sudo id -u'], capture_output=True,\n"
                    "                      text=True)\n"
                    "print(done.stdout, done.stderr)"),
            "0\n \n");
}

// The eight of policies/profiles/root.textproto.
TEST_F(SudoTest, GivesTheProfileRootAndNoMore) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "print(sudo('grep', '-E', '^(Cap(Prm|Eff|Bnd|Inh|Amb)|NoNewPrivs|Seccomp):',\n"
                    "           '/proc/self/status')[1].split())"),
            "['CapInh:', '0000000000000000', 'CapPrm:', '00000000000004fb', 'CapEff:', "
            "'00000000000004fb', 'CapBnd:', '00000000000004fb', 'CapAmb:', '0000000000000000', "
            "'NoNewPrivs:', '1', 'Seccomp:', '2']\n");
  EXPECT_EQ(Printed(sandbox,
                    "print(sudo('python3', '-Ic', 'import ctypes, os; libc = "
                    "ctypes.CDLL(None, use_errno=True); print(libc.unshare(0x10000000), "
                    "ctypes.get_errno(), sorted(os.listdir(\"/proc/self/fd\")))'))"),
            "(0, \"-1 1 ['0', '1', '2', '3']\\n\", '')\n");
}

TEST_F(SudoTest, PassesStreamsDirectoryEnvironmentAndStatusOn) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox, "print(sudo('cat', input='given'))"), "(0, 'given', '')\n");
  EXPECT_EQ(Printed(sandbox, "print(sudo('sh', '-c', 'echo to err >&2; exit 7'))"),
            "(7, '', 'to err\\n')\n");
  EXPECT_EQ(Printed(sandbox, "print(sudo('sh', '-c', 'kill -9 $$')[0])"), "137\n");
  EXPECT_EQ(Printed(sandbox,
                    "os.makedirs('/tmp/in', exist_ok=True)\n"
                    "print(sudo('pwd', cwd='/tmp/in'))"),
            "(0, '/tmp/in\\n', '')\n");
  EXPECT_EQ(Printed(sandbox,
                    "print(sudo('A=1', 'sh', '-c', 'echo $A $HOME $SUDO_USER $OWN',\n"
                    "           env={**os.environ, 'OWN': 'own'}))"),
            "(0, '1 /root user\\n', '')\n");
  EXPECT_EQ(Printed(sandbox,
                    "print(sudo('-E', 'sh', '-c', 'echo $OWN',\n"
                    "           env={**os.environ, 'OWN': 'own'}))"),
            "(0, 'own\\n', '')\n");
  EXPECT_THAT(Printed(sandbox, "print(sudo('/no/such'))"), HasSubstr("(1, '', 'sudo: /no/such: "));
}

TEST_F(SudoTest, PassesSignalsOnAndEndsWithItsCaller) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "p = subprocess.Popen(['sudo', 'sh', '-c',\n"
                    "    'trap \"echo heard; exit 5\" TERM; echo up; while :; do sleep 0.05; "
                    "done'], stdout=subprocess.PIPE, text=True)\n"
                    "p.stdout.readline()\n"
                    "p.terminate()\n"
                    "print(p.communicate()[0], p.returncode)"),
            "heard\n 5\n");
  // Its streams end with all that it started.
  EXPECT_EQ(
      Printed(sandbox,
              "p = subprocess.Popen(['sudo', 'sh', '-c', 'echo up; setsid sleep 600 & wait'],\n"
              "                     stdout=subprocess.PIPE, text=True)\n"
              "p.stdout.readline()\n"
              "p.kill()\n"
              "print(repr(p.stdout.read()), p.wait())"),
      "'' -9\n");
}

TEST_F(SudoTest, LeavesServicesRunning) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    // Not ended by a reader that goes between its opening and its writing.
                    "print(sudo('sh', '-c', 'trap \"\" PIPE; mkfifo /tmp/f; chmod 666 /tmp/f; "
                    "(while :; do echo on > /tmp/f; done) > /dev/null 2>&1 &'))\n"
                    "for _ in range(3):\n"
                    // A reader that comes between two writers finds nothing.
                    "  while open('/tmp/f').readline() != 'on\\n': pass\n"
                    "print('it lives')"),
            "(0, '', '')\nit lives\n");
}

TEST_F(SudoTest, HasATerminalOfItsOwnOnOne) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "import pty, time\n"
                    "pid, fd = pty.fork()\n"
                    "if pid == 0: os.execvp('sudo', ['sudo', 'sh', '-c',\n"
                    "    'test -t 0 && test -t 1 && echo both; ps -o tty= -p $$ >/dev/null; "
                    "echo own > /dev/tty; sleep 600'])\n"
                    "said = b''\n"
                    "try:\n"
                    "  while b'own\\r\\n' not in said: said += os.read(fd, 999)\n"
                    "except OSError as error: said += repr(error).encode()\n"
                    // Again and again, as one who waits does: one that comes as dash forks, with
                    // every signal blocked, is not the new process's.
                    "ended = 0\n"
                    "while not ended:\n"
                    "  try: os.write(fd, b'\\x03')\n"
                    "  except OSError: pass\n"
                    "  time.sleep(0.05)\n"
                    "  ended, status = os.waitpid(pid, os.WNOHANG)\n"
                    "print(said, os.waitstatus_to_exitcode(status))"),
            "b'both\\r\\nown\\r\\n' 130\n");
}

// ---- In commands and terminals: without one of a cell's own beside them.

TEST_F(SudoTest, GivesACommandRootAndItsStatus) {
  TestSandbox sandbox(server());
  ProcessStream who(*processes_, Command(sandbox, {"sudo", "id", "-u"}));
  ASSERT_TRUE(who.Wait().ok()) << who.status().error_message();
  EXPECT_EQ(who.out(), "0\n");
  EXPECT_EQ(who.err(), "");
  EXPECT_EQ(who.termination().kind(), Termination::EXITED);
  EXPECT_EQ(who.termination().exit_code(), 0);
  ProcessStream failing(*processes_,
                        Command(sandbox, {"sudo", "sh", "-c", "echo to err >&2; exit 7"}));
  ASSERT_TRUE(failing.Wait().ok()) << failing.status().error_message();
  EXPECT_EQ(failing.out(), "");
  EXPECT_EQ(failing.err(), "to err\n");
  EXPECT_EQ(failing.termination().kind(), Termination::EXITED);
  EXPECT_EQ(failing.termination().exit_code(), 7);
}

TEST_F(SudoTest, PassesTheInputOfACommandOn) {
  TestSandbox sandbox(server());
  // What belongs to root alone, from a command of the user's.
  ProcessStream command(
      *processes_,
      Command(sandbox, {"sudo", "sh", "-c",
                        "umask 077; read first; echo $first; cat > /tmp/of_root; stat -c %U:%s "
                        "/tmp/of_root"}));
  const std::string id = command.Started();
  ASSERT_NE(id, "") << command.status().error_message();
  EXPECT_TRUE(Write(sandbox, id, "line\n").ok());
  EXPECT_TRUE(command.ReadUntilSaid("line\n")) << "as it comes, and not at its end";
  EXPECT_TRUE(Write(sandbox, id, "given").ok());
  EXPECT_TRUE(CloseInput(sandbox, id).ok());
  ASSERT_TRUE(command.Wait().ok()) << command.status().error_message();
  EXPECT_EQ(command.out(), "line\nroot:5\n");
  EXPECT_EQ(command.termination().exit_code(), 0);
}

TEST_F(SudoTest, IsRootOnATerminalOfWarrens) {
  TestSandbox sandbox(server());
  ProcessStream alone(
      *processes_,
      OnATerminal(Command(sandbox, {"sudo", "sh", "-c", "tty && stty size && id -u"})));
  ASSERT_TRUE(alone.Wait().ok()) << alone.status().error_message();
  EXPECT_THAT(alone.terminal(), ::testing::MatchesRegex("/dev/pts/[0-9]+\r\n24 80\r\n0\r\n"));
  EXPECT_EQ(alone.termination().kind(), Termination::EXITED);
  EXPECT_EQ(alone.termination().exit_code(), 0);
}

TEST_F(SudoTest, IsRootInAShellOnATerminalAndGivesItBack) {
  TestSandbox sandbox(server());
  ProcessStream shell(*processes_,
                      OnATerminal(Command(sandbox, {"bash", "--norc", "--noprofile", "-i"})));
  const std::string id = shell.Started();
  ASSERT_NE(id, "") << shell.status().error_message();
  EXPECT_TRUE(Write(sandbox, id, "stty -echo; PS1=; PROMPT_COMMAND='echo status-$?'\n").ok());
  EXPECT_TRUE(shell.ReadUntilSaid("status-0"));
  EXPECT_TRUE(Write(sandbox, id, "sudo tty; echo as-$(sudo id -u)-$(id -u)\n").ok());
  EXPECT_TRUE(shell.ReadUntilSaid("as-0-1000"));
  EXPECT_THAT(shell.terminal(), HasSubstr("/dev/pts/"));
  // Ctrl-C is for the command, and the shell goes on.
  EXPECT_TRUE(
      Write(sandbox, id, "sudo sh -c 'echo in-$((1+1)); exec sed -u s/front/back/'\n").ok());
  EXPECT_TRUE(shell.ReadUntilSaid("in-2"));
  // By its answer it hears signals: a shell that just forks does not.
  EXPECT_TRUE(Write(sandbox, id, "front\n").ok());
  EXPECT_TRUE(shell.ReadUntilSaid("back"));
  EXPECT_TRUE(Write(sandbox, id, "\x03").ok());
  // Not before: what is typed while the command has the terminal is the command's.
  EXPECT_TRUE(shell.ReadUntilSaid("status-130"));
  EXPECT_TRUE(Write(sandbox, id, "exit\n").ok());
  EXPECT_TRUE(shell.Wait().ok()) << shell.status().error_message();
}

TEST_F(SudoTest, AFloodIsServedInTurn) {
  TestSandbox sandbox(server());
  EXPECT_EQ(
      Printed(sandbox,
              "many = [subprocess.Popen(['sudo', 'true'], stderr=subprocess.PIPE, text=True)\n"
              "        for _ in range(12)]\n"
              "print({(p.communicate()[1], p.returncode) for p in many})\n"
              "for _ in range(60):\n"
              "    import socket\n"
              "    s = socket.socket(socket.AF_UNIX); s.connect('/run/warren/sudo'); s.close()\n"
              "print(sudo('id', '-u'))"),
      "{('', 0)}\n(0, '0\\n', '')\n");
}

TEST_F(SudoTest, HalfOpenAndBrokenRequestsHoldNobodyUp) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "import socket\n"
                    "print(sudo('true')[0])\n"
                    "kept = []\n"
                    "for text in (b'', b'x', b'x' * 4096, b'sudo' + bytes(8)):\n"
                    "    s = socket.socket(socket.AF_UNIX); s.connect('/run/warren/sudo')\n"
                    "    s.send(text); kept.append(s)\n"
                    "print(sudo('id', '-u'))"),
            "0\n(0, '0\\n', '')\n");
}

TEST_F(SudoTest, TooManyAreRefusedWithAReason) {
  TestSandbox sandbox(server());
  EXPECT_THAT(
      Printed(sandbox,
              "many = []\n"
              "for _ in range(16):\n"
              "    many.append(subprocess.Popen(['sudo', 'sh', '-c', 'echo up; sleep 600'],\n"
              "                                 stdout=subprocess.PIPE))\n"
              "    many[-1].stdout.readline()\n"
              "print(sudo('true'))\n"
              "for p in many: p.kill()\n"
              "for p in many: p.wait()\n"
              "while sudo('true')[0] != 0: pass\n"),
      HasSubstr("(1, '', 'sudo: the sandbox has 16 commands of sudo"));
}

}  // namespace
}  // namespace warren
