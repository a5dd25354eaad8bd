"""Processes, their input, and terminals."""

import os
import signal

from contract import LONG, case, warren


@case("processes")
def output_and_the_exit_code(t):
    done = t.sandbox().processes.run("echo out; echo err >&2; exit 3")
    t.assertEqual((done.stdout, done.stderr, done.returncode), ("out\n", "err\n", 3))


@case("processes")
def directory_and_environment(t):
    run = t.sandbox(env={"A": "sandbox"}).processes.run
    t.assertEqual(run(["pwd"], cwd="/tmp").check().stdout, "/tmp\n")
    t.assertEqual(run("echo $A $B", env={"B": "1"}).stdout, "sandbox 1\n")


@case("processes")
def one_that_takes_too_long(t):
    done = t.sandbox().processes.run(["sleep", "100000"], timeout=0.3)
    t.assertIs(done.termination.kind, warren.TerminationKind.TIMED_OUT)


@case("processes")
def a_program_that_is_not_there(t):
    with t.assertRaises(warren.NotFound):
        t.sandbox().processes.run(["/no/such/program"])


@case("processes")
def signals(t):
    processes = t.sandbox().processes
    with processes.start(["sleep", "100000"], timeout=LONG) as process:
        process.signal(signal.SIGTERM)
        process.wait()
    t.assertEqual(process.returncode, -signal.SIGTERM)
    with processes.start(["sleep", "100000"], timeout=LONG) as process:
        process.kill()
        process.wait()
    t.assertEqual(process.returncode, -signal.SIGKILL)


@case("processes")
def it_goes_on_without_its_client_and_is_listed(t):
    processes = t.sandbox().processes
    with processes.start(["cat"]) as process:
        process.write("a\n")
        t.assertEqual(next(process).text, "a\n")
    info, = processes.list()
    t.assertEqual((info.id, info.pid, info.termination, info.has_terminal), (process.id, process.pid, None, False))
    with processes.connect(process.id) as again:
        again.write("b\n")
        again.close_input()
        t.assertEqual((again.collect().stdout, again.returncode), ("b\n", 0))


@case("processes", "processes.replay")
def what_it_said_meanwhile_is_kept(t):
    processes = t.sandbox().processes
    with processes.start("printf one; read line; printf two") as process:
        t.assertEqual(next(process).data, b"one")
        seen = process.output_bytes
        process.write("\n")
    with processes.connect(process.id, after=seen) as again:
        t.assertEqual(again.collect().stdout, "two")


@case("processes")
def usage_names_the_backend(t):
    t.assertEqual(t.sandbox().processes.run(["true"]).usage.backend, t.serves)


@case("standard input")
def three_megabytes_there_and_back(t):
    data = os.urandom(3_000_000)
    t.assertEqual(t.sandbox().processes.run(["cat"], input=data).stdout_bytes, data)


@case("standard input")
def its_end(t):
    with t.sandbox().processes.start(["wc", "-c"]) as process:
        process.write("abc")
        process.close_input()
        t.assertEqual(process.collect().stdout.strip(), "3")


@case("standard input")
def none(t):
    t.assertEqual(t.sandbox().processes.run(["cat"]).check().stdout, "")


@case("terminals")
def a_size_and_another(t):
    with t.sandbox().terminal(rows=10, columns=33) as terminal:
        terminal.write("stty size\n")
        seen = ""
        # bash sets the size that it has read, before each prompt: one that comes in between is lost.
        while "10 33" not in seen or not seen.endswith("$ "):
            seen += next(terminal).text
        terminal.resize(11, 44)
        terminal.write("stty size; exit\n")
        t.assertIn("11 44", terminal.collect().stdout)


@case("terminals")
def control_c(t):
    with t.sandbox().terminal(["bash", "-c", "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.1; done"]) as terminal:
        while "up" not in next(terminal).text:
            pass
        terminal.write("\x03")
        done = terminal.collect()
    t.assertIn("caught", done.stdout)
    t.assertEqual(done.returncode, 5)
