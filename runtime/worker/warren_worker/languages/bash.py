"""Bash: one shell of the template's for the life of the context, which is told a cell at a time.

The shell is interactive in one respect only: an interrupt, and errors such as an unset variable under
`set -u`, take it back to the next line of its standard input instead of ending it. That input is a
pipe of ours, with two lines for each cell:

1. tells that it has begun, sources the cell from a memory file, and tells its status;
2. tells that it is over: the shell comes to it whatever became of the first one.

`set -e` ends the cell whose command fails, with its status, and not the shell: by a trap of ours on ERR,
which functions inherit (`set -E`), set before the first cell that may ask for errexit. Where the cells
set one of their own, and with `exit`, the shell ends, and with it the context; so it does where bash itself
gives up under `set -e`: at an unset variable under `set -u`, `${name:?}`, an assignment to what is readonly.

An unfinished `$(` or `<(` is not for the shell to see: where it has a trap, bash 5.2 writes beyond its
memory then; and any unfinished cell ends a shell with `set -e`. So where a cell may be one, another bash
is asked before, which takes a millisecond or two. What is evaluated or sourced is not looked at.

What is told has the cell's number and goes through a pipe that no program of the cell's inherits.
The cell's own standard input is /dev/null.
"""

import builtins
import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections import deque
from select import POLLIN, poll

from .. import foreground
from .language import InterruptPipe, Language, end_as

__builtins__ = dict(vars(builtins))  # See wire.py.

# Descriptors of the shell from here on are ours: the cell's text, the variables of its environment,
# what it tells. Away from those that scripts number by hand, and from those that the shell itself
# takes, 10 and up and 63 and down; lower where the limit is low.
_FIRST_FD = 100
_FDS = 8

# From an interrupt until it is looked whether the cell goes on all the same, and how often the shell
# is interrupted anew where nothing is seen that it waits for: a trap may be all that it runs.
_AGAIN_MS = 50
_MOST_AGAIN = 20
# From so many on what the shell waits for is deaf: as long as foreground.GRACE_S.
_DEAF_AGAIN = 5

# Has a trap of the shell's that interrupts it: between two commands, and not while it waits for a
# program, when it leaves it to that program what an interrupt means. A trap of the cell's own on INT may
# so run twice.
_INTERRUPT_AFTER = signal.SIGRTMAX

# Nothing of it shows in a trace (set -x) but the source of the cell itself. A line of which an
# interrupt has left the end must not open anything: no quotes in _OVER.
_START = (
    "PS1= PS2=; set +o history +H; unset HISTFILE MAILCHECK PROMPT_COMMAND; "
    "trap 'builtin kill -INT $$' RTMAX; "
    "exec 2>&{error}; exec {error}>&-; echo 0 begun >&{report}\n"
)
_ON_ERROR = (
    "builtin set -E; builtin trap '{ case $-${__warren_errexit+e} in *e*) __warren_errexit=$?; "
    "builtin set +e; builtin return $__warren_errexit;; esac; } 2>/dev/null' ERR; "
)
_SUBSTITUTION = re.compile(r"\$\(|<\(|>\(|\$\\\n")
# What may set errexit, and what sets a trap in the place of ours.
_ERREXIT = re.compile(r"\bset\s[^\n]*-[a-zA-Z]*e|errexit")
_OWN_TRAP = re.compile(r"\btrap\b[^\n]*\b(ERR|err)\b")
_CELL = (
    "{{ {on_error}{set_env}builtin echo {number} begun >&{report}; }} 2>/dev/null; "
    "builtin source /proc/self/fd/{code} </dev/null {report}>&-; "
    '{{ builtin echo {number} "$?" >&{report}; PS1= PS2=; }} 2>/dev/null\n'
)
_OVER = (
    "{{ [[ -v __warren_errexit ]] && builtin unset -v __warren_errexit && builtin set -e; "
    "{restore_env}builtin echo {number} over{turn} >&{report}; }} 2>/dev/null\n"
)
_ENV = "builtin source /proc/self/fd/{env} {what}; "


class ExitStatus(Exception):
    """A cell whose last command failed."""


class BashLanguage(Language):
    name = "bash"

    @staticmethod
    def available():
        return shutil.which("bash") is not None

    def __init__(self):
        self._number = 0
        self._env = ()
        # Said before this cell.
        self._on_error = ""
        # It is not set, and none of the cells' is.
        self._without_trap = True
        first = min(_FIRST_FD, os.sysconf("SC_OPEN_MAX") - _FDS)
        self._fds = {"code": first, "env": first + 1, "report": first + 2}
        # The end of what it told, and whole words of this cell's.
        self._told = b""
        self._words = deque()
        self._again = 0
        # By a program in its place (exec), which reads no lines.
        self._replaced = False
        # Of the second line: which one is the last that was said.
        self._turn = 0
        self._interrupts = InterruptPipe()
        self._code = os.memfd_create("cell", os.MFD_CLOEXEC)
        self._env_script = os.memfd_create("env", os.MFD_CLOEXEC)
        self._reports, report = os.pipe2(os.O_CLOEXEC)
        commands, self._commands = os.pipe2(os.O_CLOEXEC)
        self._spawn(commands, report)
        self._pidfd = os.pidfd_open(self._shell.pid)
        os.close(commands)
        os.close(report)
        self._poll = poll()
        for fd in (self._reports, self._interrupts.fileno(), self._pidfd):
            self._poll.register(fd, POLLIN)
        self._wait_until_begun()

    def _spawn(self, commands, report):
        # Above those that the shell is to have: dup2 must not hit one of them.
        targets = tuple(self._fds.values())
        error = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, targets[-1] + 1)
        sources = [
            fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, error)
            for fd in (self._code, self._env_script, report)
        ]
        try:
            for source, target in zip(sources, targets):
                os.dup2(source, target, inheritable=False)
            # Its own complaint that it has no terminal is nobody's business: standard error comes by
            # another number.
            self._shell = subprocess.Popen(
                ["bash", "--norc", "--noprofile", "--noediting", "+m", "-i"],
                executable=shutil.which("bash"),
                stdin=commands,
                stderr=subprocess.DEVNULL,
                pass_fds=(*targets, error),
                process_group=0,
            )
        finally:
            for fd in (*sources, *targets):
                os.close(fd)
        self._say(_START, error=error)
        os.close(error)

    def unsupported(self, options):
        return "user_expressions" if options.expressions else None

    def begin(self, options):
        self._env = options.env if options is not None else ()
        # What came too late for the cell before.
        self._interrupts.take()

    def end(self):
        self._env = ()

    def run(self, source, options):
        self._number += 1
        _rewrite(self._code, source.encode())
        if (not self._without_trap or _SUBSTITUTION.search(source)) and not self._is_finished():
            return ExitStatus("2")
        self._on_error = self._trap_for(source)
        if self._env:
            _rewrite(self._env_script, _environment_script(self._env))
        self._turn = 0
        self._words.clear()
        try:
            self._say(_CELL + _OVER)
        except BrokenPipeError:
            # It ended between two cells, or reads no more and is about to.
            end_as(self._shell.wait())
        # Before that an interrupt would hit the shell as it reads the line.
        self._wait_until_begun()
        status, interrupted = self._attend()
        if interrupted:
            return KeyboardInterrupt()
        # The shell gave the cell up without a status of its own.
        status = "1" if status is None else status
        return None if status == "0" else ExitStatus(status)

    def _is_finished(self):
        """Whether the cell ends where its syntax may; if not, standard error says so. Other errors are for the
        shell to tell, which knows its aliases and runs what comes before them."""
        check = ["bash", "-n", "-O", "extglob", f"/proc/self/fd/{self._code}"]
        done = subprocess.run(check, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              pass_fds=(self._code,), env=os.environ | {"LC_ALL": "C"})
        if done.returncode == 0 or b"unexpected EOF" not in done.stderr and b"unexpected end of file" not in done.stderr:
            return True
        os.write(2, done.stderr)
        return False

    def _trap_for(self, source):
        if not self._without_trap:
            return ""
        own = _OWN_TRAP.search(source)
        if not own and not _ERREXIT.search(source):
            return ""
        self._without_trap = False
        return "" if own else _ON_ERROR

    def open_directory(self):
        # It ended between two cells.
        if (status := self._shell.poll()) is not None:
            end_as(status)
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        return os.open(f"/proc/{self._shell.pid}/cwd", flags)

    def interrupt(self):
        self._interrupts.say()

    def close(self):
        self._shell.kill()

    # The shell.

    def _say(self, lines, **values):
        env = _ENV.format(env=self._fds["env"], what="{what}") if self._env else ""
        text = lines.format(
            number=self._number,
            turn=self._turn,
            on_error=self._on_error,
            set_env=env.format(what="set"),
            restore_env=env.format(what="restore"),
            **self._fds,
            **values,
        )
        data = memoryview(text.encode())
        while data:
            data = data[os.write(self._commands, data) :]

    def _attend(self):
        """The cell to its end: (status or None, whether it was interrupted)."""
        status, hit = None, None
        while True:
            # "begun" may have come with what is behind it.
            ready = self._poll.poll(0 if self._words else None if hit is None else _AGAIN_MS)
            if any(fd == self._interrupts.fileno() for fd, _ in ready):
                self._interrupts.take()
                self._again = 0
                hit = self._interrupt_group()
            elif not ready and not self._words and hit is not None:
                hit = self._insist(hit)
            self._hear(ready)
            while self._words:
                word = self._words.popleft()
                # Not of an earlier line: an interrupt behind that may hit what is said next.
                if word == f"over{self._turn}":
                    return status, hit is not None
                if not word.startswith("over"):
                    status = word

    def _wait_until_begun(self):
        """Interrupts wait."""
        self._poll.unregister(self._interrupts)
        try:
            while not self._words or self._words.popleft() != "begun":
                self._hear(self._poll.poll())
        finally:
            self._poll.register(self._interrupts, POLLIN)

    def _hear(self, ready):
        """What the shell tells of this cell, to _words. Ends the process where the shell has ended."""
        if any(fd == self._reports for fd, _ in ready):
            data = os.read(self._reports, 65536)
            if not data:
                # It has ended, or the cell has taken its channel away: then an interrupt that comes
                # to nothing is the end.
                self._poll.unregister(self._reports)
            *lines, self._told = (self._told + data).split(b"\n")
            for line in lines:
                number, _, word = line.partition(b" ")
                if number == b"%d" % self._number:
                    self._words.append(word.decode("ascii", "replace"))
        elif any(fd == self._pidfd for fd, _ in ready):
            end_as(self._shell.wait())

    # Interrupts.

    def _interrupt_group(self):
        """Interrupts the shell and what it waits for, all at once. Returns what it waits for; jobs in the
        background ignore it."""
        waited_for = self._foreground()
        # Stopped until all of them have it: a subshell that sees its program die of an interrupt before
        # it has its own goes on with what comes next.
        stopped = foreground.stop({self._shell.pid})
        os.killpg(self._shell.pid, signal.SIGINT)
        # Where that ends otherwise than by the interrupt the shell would go on with what comes next: a program
        # that heeds it and ends well, and a subshell that was hit before it had come to itself.
        self._interrupt_after()
        foreground.signal_all(stopped, signal.SIGCONT)
        self._say_over_again()
        return waited_for

    def _interrupt_after(self):
        # A program in the shell's place, or a cell that took the trap away, would die of it.
        if _has(self._shell.pid, b"SigCgt", _INTERRUPT_AFTER):
            os.kill(self._shell.pid, _INTERRUPT_AFTER)

    def _say_over_again(self):
        """Where an interrupt hit the shell as it read the line. The empty one ends what is left."""
        self._turn += 1
        try:
            self._say("\n" + _OVER)
        except BrokenPipeError:
            self._replaced = True

    def _insist(self, hit):
        """The cell still runs: either what was interrupted, or something after it, which a trap of the cell's or
        a subshell runs."""
        left = self._foreground()
        self._again += 1
        if self._replaced and self._again >= _DEAF_AGAIN:
            self._shell.kill()
            return hit
        if left & hit:
            # An interrupt that came before a program was executed is lost.
            if self._again < _DEAF_AGAIN:
                self._interrupt_group()
            else:
                self._end(left & hit)
            return hit
        if left:
            return self._interrupt_group()
        if self._again >= _DEAF_AGAIN and (children := foreground.children_of(self._shell.pid)):
            # It ignores interrupts as jobs in the background do, but is the youngest of them all.
            if foreground.stat(str(self._shell.pid))[1] == "S":
                self._end({children[-1]})
        if self._again <= _MOST_AGAIN:
            os.killpg(self._shell.pid, signal.SIGINT)
            self._say_over_again()
        return hit

    def _end(self, pids):
        """Ends these children. The shell stands still meanwhile: it is to go on to nothing else."""
        os.kill(self._shell.pid, signal.SIGSTOP)
        foreground.end(pids)
        self._interrupt_after()
        os.kill(self._shell.pid, signal.SIGCONT)
        self._say_over_again()

    def _foreground(self):
        """Pids of what the shell waits for: of its children, those that heed an interrupt. Jobs in
        the background do not."""
        return {pid for pid in foreground.children_of(self._shell.pid) if _has(pid, b"SigIgn", signal.SIGINT) is False}


def _has(pid, field, number):
    """Whether this signal is in this set (SigIgn, SigCgt) of a process's; None where there is no process any more."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            signals = file.read().partition(b"\n" + field + b":")[2].split(None, 1)[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None
    return bool(int(signals, 16) & 1 << (number - 1))


def _rewrite(file, data):
    os.ftruncate(file, 0)
    os.pwrite(file, data, 0)


def _environment_script(variables):
    """Sourced with `set` it sets the variables. Sourced with `restore`, once or oftener, also where an
    interrupt has cut the first time short, it makes them what they were: a value, exported or not,
    or nothing."""
    set_them, restore_them = [], []
    for index, (name, value) in enumerate(variables):
        name, was, before = name.decode(), f"__warren_was_{index}", f"__warren_before_{index}"
        set_them.append(
            f"{before}=${{{name}-}} {was}=${{{name}+x${{{name}@a}}}}\n"
            f"builtin export {name}={_quoted(value)}\n"
        )
        restore_them.append(
            f"if [[ -v {was} ]]; then\n"
            f"  builtin unset -v {name}\n"
            f'  if [[ ${was} == x* ]]; then builtin export {name}="${before}"; fi\n'
            f"  if [[ ${was} == x* && ${{{was}:1}} != *x* ]]; then builtin export -n {name}; fi\n"
            f"  builtin unset -v {was} {before}\n"
            "fi\n"
        )
    text = ["if [[ $1 == set ]]; then\n", *set_them, "else\n", *restore_them, "fi\n"]
    return "".join(text).encode("utf-8", "surrogateescape")


def _quoted(value):
    return "'" + value.decode("utf-8", "surrogateescape").replace("'", "'\\''") + "'"
