// `sudo` in cells: what it gives, what it passes on, and what ends it. No sandbox here has an agent
// before its first one.
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"

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
    EXPECT_EQ(run.kind(), Termination::EXITED);
    EXPECT_TRUE(run.errors.empty()) << run.errors.at(0).traceback();
    return run.out;
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
                    "print(sudo('sh', '-c', 'mkfifo /tmp/f; chmod 666 /tmp/f; (while :; do echo on "
                    "> /tmp/f; done) > /dev/null 2>&1 &'))\n"
                    "for _ in range(3):\n"
                    // A reader that comes between two writers finds nothing.
                    "  while open('/tmp/f').readline() != 'on\\n': pass\n"
                    "print('it lives')"),
            "(0, '', '')\nit lives\n");
}

TEST_F(SudoTest, HasATerminalOfItsOwnOnOne) {
  TestSandbox sandbox(server());
  EXPECT_EQ(Printed(sandbox,
                    "import pty\n"
                    "pid, fd = pty.fork()\n"
                    "if pid == 0: os.execvp('sudo', ['sudo', 'sh', '-c',\n"
                    "    'test -t 0 && test -t 1 && echo both; ps -o tty= -p $$ >/dev/null; "
                    "echo own > /dev/tty; sleep 600'])\n"
                    "said = b''\n"
                    "while b'own' not in said: said += os.read(fd, 999)\n"
                    "os.write(fd, b'\\x03')\n"
                    "print(said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"),
            "b'both\\r\\nown\\r\\n' 130\n");
}

TEST_F(SudoTest, AFloodIsServedInTurn) {
  TestSandbox sandbox(server());
  EXPECT_EQ(
      Printed(sandbox,
              "many = [subprocess.Popen(['sudo', 'true']) for _ in range(12)]\n"
              "print([p.wait() for p in many] == [0] * 12)\n"
              "for _ in range(60):\n"
              "    import socket\n"
              "    s = socket.socket(socket.AF_UNIX); s.connect('/run/warren/sudo'); s.close()\n"
              "print(sudo('id', '-u'))"),
      "True\n(0, '0\\n', '')\n");
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
