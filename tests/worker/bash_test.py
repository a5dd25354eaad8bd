"""Contexts that speak bash: what stays from cell to cell, what does not, and how cells end."""

import os
import signal
import unittest

from driver import EXCEPTION, INTERRUPTED, OK, Worker, eventually, patience, state_of, wire


class BashTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        assert cls.worker.configure(language="bash") == ("", 0)

    def setUp(self):
        # Whatever a test did before: the shell still works, and says nothing of its own.
        self.addCleanup(self.check_works)

    def check_works(self):
        cell = self.worker.run("echo $((6 * 7))")
        self.assertEqual((cell.outcome, self.out(), self.err()), (OK, "42\n", ""))

    def out(self):
        return self.worker.raw_output("stdout")

    def err(self):
        return self.worker.raw_output("stderr")

    def run_cell(self, code, **options):
        """(outcome, error or None, standard output, standard error)"""
        cell = self.worker.run(code, **options)
        return cell.outcome, cell.error, self.out(), self.err()

    def check(self, code, out, **options):
        self.assertEqual(self.run_cell(code, **options), (OK, None, out, ""))

    # State.

    def test_state_stays(self):
        self.check("x=5; export Y=6; f() { echo f $x; }; cd /usr; shopt -s nullglob; alias ll='echo ll'", "")
        self.check("f; bash -c 'echo $Y'; pwd; shopt nullglob; ll", "f 5\n6\n/usr\nnullglob       \ton\nll\n")
        self.check("cd - >/dev/null; shopt -u nullglob; unalias ll", "")

    def test_cells_count(self):
        first = self.worker.run("true").count
        self.assertEqual(self.worker.run("true", silent=True).count, first)
        self.assertEqual(self.worker.run("true").count, first + 1)

    def test_descriptors_stay_and_none_of_ours_is_inherited(self):
        self.check("exec 3<<<three; read -u 3 line; echo $line; exec 3<&-", "three\n")
        _, _, out, _ = self.run_cell("ls /proc/self/fd")
        reports = [fd for fd in out.split() if int(fd) > 2]
        self.assertLessEqual(len(reports), 3, out)

    def test_standard_output_may_be_moved_for_good(self):
        self.check("exec 8>&1 >/dev/null; echo lost", "")
        self.check("echo lost as well", "")
        self.check("exec >&8 8>&-; echo back", "back\n")

    # Input.

    def test_cells_have_no_input(self):
        self.check("cat; read line || echo none; head -c 1; python3 -c 'print(repr(input()))' 2>/dev/null || echo none",
                   "none\nnone\n")

    def test_input_that_is_taken_for_good_is_given_back(self):
        self.check("exec </etc/hostname; cat >/dev/null", "")

    # Errors.

    def test_status_of_the_last_command_is_the_error(self):
        self.assertEqual(self.run_cell("true; (exit 7)"), (EXCEPTION, ("ExitStatus", "7", ""), "", ""))
        self.assertEqual(self.run_cell("false; true")[0], OK)
        self.assertEqual(self.run_cell("return 3")[1], ("ExitStatus", "3", ""))
        outcome, error, _, err = self.run_cell("no_such_command_here")
        self.assertEqual((outcome, error[1]), (EXCEPTION, "127"))
        self.assertIn("no_such_command_here: command not found", err)

    def test_unfinished_syntax_is_an_error(self):
        for code in ("echo 'open", "if true", "for i in 1 2", "f() {", "echo $(", "((", "case x in", "echo \"$(echo 'x)\""):
            with self.subTest(code):
                outcome, error, out, err = self.run_cell(code)
                self.assertEqual((outcome, error[0], out), (EXCEPTION, "ExitStatus", ""))
                self.assertNotEqual(err, "")
                self.check_works()

    def test_what_ends_a_script_ends_the_cell(self):
        for code, said in (
            ("set -u; echo $nothing; echo after", "unbound variable"),
            ("echo ${nothing:?not set}; echo after", "not set"),
            ("echo $((1 / 0)); echo after", "division by 0"),
            ("readonly fixed=1; fixed=2; echo after", "readonly variable"),
        ):
            with self.subTest(code):
                outcome, error, out, err = self.run_cell(code)
                self.assertEqual((outcome, error, out), (EXCEPTION, ("ExitStatus", "1", ""), ""))
                self.assertIn(said, err)
                self.run_cell("set +u")

    def test_large_cells(self):
        self.check("#" + "x" * 1000_000 + "\necho large", "large\n")

    def test_utf8(self):
        self.check("size='ä\nö'; echo \"$size\"", "ä\nö\n")

    def test_trace_shows_the_cell_alone(self):
        self.run_cell("set -x")
        _, _, out, err = self.run_cell("echo traced")
        self.run_cell("set +x")
        self.assertEqual(out, "traced\n")
        self.assertIn("+ echo traced\n", err)
        self.assertNotIn("begun", err)
        self.assertNotIn("over", err)

    def test_prompts_are_not_shown(self):
        self.check("PS1='(venv) ' PS2='more '", "")
        self.check("echo shown", "shown\n")

    # errexit.

    def test_errexit_ends_the_cell_alone(self):
        self.check("set -e; kept=1; f() { (exit 4); echo no; }", "")
        failed = lambda status: (EXCEPTION, ("ExitStatus", status, ""), "", "")  # noqa: E731
        for code, status in (("false; echo no", "1"), ("f; echo no", "4"), ("for i in 1 2; do f; done; echo no", "4"),
                             ("(f; echo no); echo no", "4"), ("true | (exit 7); echo no", "7"), ("return 5", "5"),
                             ("x=$(exit 6); echo no", "6"), ("eval 'false; echo no'; echo no", "1")):
            with self.subTest(code):
                self.assertEqual(self.run_cell(code), failed(status))
                # With its state, and still with -e.
                self.check("echo $kept; [[ $- == *e* ]]", "1\n")
        self.check("false || echo handled; if f; then :; fi; ! false", "handled\nno\n")
        self.check("set +e", "")
        self.check("false; echo on; f; compgen -v __warren || echo nothing of ours", "on\nno\nnothing of ours\n")

    def test_interrupt_under_errexit(self):
        self.check("set -e; kept=2", "")
        self.assertEqual(self.interrupted("sleep 1000; echo no").outcome, INTERRUPTED)
        self.check("echo $kept; [[ $- == *e* ]]; set +e", "2\n")

    def test_trace_of_what_fails_shows_the_cell_alone(self):
        self.run_cell("set -x")
        _, _, _, err = self.run_cell("false")
        self.run_cell("set -ex")
        _, _, _, ended = self.run_cell("false; true")
        self.run_cell("set +ex")
        for text in (err, ended):
            self.assertEqual(text.replace("builtin source", "source").count("\n"), 2, text)

    # What a cell may ask for.

    def test_env_is_the_cells_own(self):
        self.check("export SET=was; PLAIN=plain; unset NEW", "")
        env = {"SET": "it's\nnew $x", "PLAIN": "for it", "NEW": "n"}
        self.check(
            "bash -c 'echo \"$SET\" $PLAIN $NEW'; SET=changed; unset PLAIN; NEW=changed",
            "it's\nnew $x for it n\n",
            env=env,
        )
        self.check("echo $SET $PLAIN ${NEW-unset}; bash -c 'echo $SET ${PLAIN-unset}'", "was plain unset\nwas unset\n")
        self.assertEqual(self.run_cell("set -u; SET=x; false", env=env)[0], EXCEPTION)
        self.check("echo $SET ${NEW-unset}; set +u", "was unset\n")
        self.check("compgen -v __warren || echo nothing of ours", "nothing of ours\n")

    def test_env_goes_with_an_interrupt(self):
        self.check("export SET=was", "")
        cell = self.interrupted("SET=changed; sleep 1000", env={"SET": "new", "OTHER": "x"})
        self.assertEqual(cell.outcome, INTERRUPTED)
        self.check("echo $SET ${OTHER-unset}", "was unset\n")

    def test_display_style_is_ignored(self):
        self.check("echo text", "text\n", display_style=wire.CODE_INTERPRETER)

    def test_expressions_are_refused(self):
        body = self.worker.send("echo no", user_expressions={"a": "1"})
        event = self.worker.event()
        self.assertEqual((event.execution_id, event.kind), (body, "unimplemented"))
        self.assertEqual(event.value, ("user_expressions", True))
        self.assertEqual(self.out(), "")

    # Interrupts.

    def interrupted(self, code, ready="ready\n", **options):
        """Interrupts a cell when it has said `ready`."""
        execution_id = self.worker.send(f"echo ready; {code}", **options)
        seen = []
        self.assertTrue(eventually(lambda: seen.append(self.out()) or "".join(seen) == ready), seen)
        cell = self.worker.interrupt_until_done(execution_id)
        self.err()
        return cell

    def test_interrupt_keeps_the_shell(self):
        self.check("kept=1", "")
        for code in ("sleep 1000; echo no", "while :; do :; done", "while :; do sleep 0.01; done",
                     "(sleep 1000; echo no); echo no", "sleep 1000 | cat", "x=$(sleep 1000); echo no",
                     "for i in 1 2 3; do sleep 1000; done"):
            with self.subTest(code):
                cell = self.interrupted(code)
                self.assertEqual((cell.outcome, cell.error[0]), (INTERRUPTED, "KeyboardInterrupt"))
                self.assertEqual(self.out(), "")
                self.check("echo $kept", "1\n")

    def test_interrupt_hits_a_subshell_that_is_just_being_made(self):
        # It ends with a status then, which was no reason for the shell to leave out what follows: once in a hundred.
        for _ in range(60):
            cell = self.interrupted("f() { (sleep 1000; echo no); echo no; }; f; echo no")
            self.assertEqual((cell.outcome, self.out()), (INTERRUPTED, ""))

    def test_interrupt_ends_the_rest_of_a_cell_too(self):
        # A program that ends well after an interrupt.
        heed = "python3 -uc 'import signal; signal.signal(2, lambda *a: exit(0)); print(\"ready\"); signal.pause()'"
        for code in (f"{heed}; sleep 1000; echo no", f"{heed}; echo no", f"{heed} && echo no", f"({heed}); echo no"):
            with self.subTest(code):
                cell = self.interrupted(code, ready="ready\nready\n")
                self.assertEqual((cell.outcome, self.out()), (INTERRUPTED, ""))

    def test_program_that_ignores_the_interrupt_is_killed(self):
        deaf = "bash -c 'trap \"\" INT; echo ready; while :; do sleep 1000; done'"
        cell = self.interrupted(f"{deaf}; sleep 1000; echo no", ready="ready\nready\n")
        self.assertEqual((cell.outcome, self.out()), (INTERRUPTED, ""))
        for code in (f"{deaf}; echo no", f"for i in 1 2; do {deaf}; echo no; done; echo no",
                     f"f() {{ {deaf}; echo no; }}; f; echo no", f"{deaf} || echo no"):
            with self.subTest(code):
                cell = self.interrupted(code, ready="ready\nready\n")
                self.assertEqual((cell.outcome, self.out()), (INTERRUPTED, ""))

    def test_jobs_in_the_background_live_on(self):
        self.run_cell("sleep 1000 & job=$!")
        self.assertEqual(self.interrupted("sleep 1000").outcome, INTERRUPTED)
        self.check("kill -0 $job && echo lives; kill $job; wait $job 2>/dev/null; true", "lives\n")

    def test_interrupts_at_any_moment(self):
        for moment in range(60):
            execution_id = self.worker.send("a=1; b=2; " * (moment % 7) + "true")
            self.worker.interrupt()
            self.assertIn(self.worker.until_done(execution_id).outcome, (OK, INTERRUPTED))
            self.err()
        self.worker.run("true")
        self.err()

    def test_interrupt_between_cells_is_forgotten(self):
        self.worker.run("true")
        self.worker.interrupt()
        self.worker.run("true")
        self.check("echo on", "on\n")


class EndTest(unittest.TestCase):
    def setUp(self):
        self.worker = self.enterContext(Worker())

    def end_of(self, code, **options):
        self.worker.send(code, **options)
        with self.assertRaises(EOFError):
            while True:
                self.worker.event()
        return self.worker.process.wait()

    def test_exit_ends_the_context(self):
        self.worker.configure(language="bash")
        self.assertEqual(self.end_of("exit 5"), 5)

    def test_exit_beside_jobs_that_hold_everything_open(self):
        self.worker.configure(language="bash")
        self.assertEqual(self.end_of("(trap '' TERM; sleep 3; true) & exit 6"), 6)

    def test_end_by_a_signal_is_the_contexts(self):
        self.worker.configure(language="bash")
        self.assertEqual(self.end_of("kill -KILL $$"), -signal.SIGKILL)

    def test_end_between_cells_is_told_of_the_next(self):
        for options in ({}, {"input_files": {"a": "x"}}):
            with self.subTest(options), Worker() as self.worker:
                self.worker.configure(language="bash")
                self.worker.run("echo $$")
                pid = int(self.worker.raw_output("stdout"))
                os.kill(pid, signal.SIGKILL)
                self.assertTrue(eventually(lambda: state_of(pid) == "Z"))
                self.assertEqual(self.end_of("echo no", **options), -signal.SIGKILL)

    def test_program_in_the_shells_place(self):
        self.worker.configure(language="bash")
        self.assertEqual(self.end_of("exec python3 -c 'exit(9)'"), 9)

    def end_of_interrupted_program(self, how_it_takes_it, again_ms=None):
        """Of one in the shell's place, which is interrupted again after so long where that is given."""
        if again_ms is not None:
            self.worker.run(f"import sys; sys.modules['warren_worker.languages.bash']._AGAIN_MS = {again_ms}")
        self.worker.configure(language="bash")
        program = f"import signal; signal.signal(2, {how_it_takes_it}); print(\"ready\", flush=True)"
        self.worker.send(f"exec python3 -c '{program}\nwhile True: signal.pause()'")
        self.assertTrue(eventually(lambda: self.worker.raw_output("stdout") == "ready\n"))
        self.worker.interrupt()
        return self.worker.process.wait()

    def test_program_in_the_shells_place_heeds_an_interrupt(self):
        # Its own end comes first on any host: another interrupt would hit a Python that is ending.
        self.assertEqual(self.end_of_interrupted_program("lambda *a: exit(9)", int(1000 * patience())), 9)

    def test_deaf_program_in_the_shells_place_is_killed(self):
        self.assertEqual(self.end_of_interrupted_program("signal.SIG_IGN"), -signal.SIGKILL)

    def test_errexit_ends_the_context_that_has_its_own_trap(self):
        self.worker.configure(language="bash")
        self.assertEqual(self.end_of("trap : ERR; set -e; (exit 3); echo no"), 3)

    def test_shell_ends_with_the_context(self):
        self.worker.configure(language="bash")
        self.worker.run("echo $$")
        pid = int(self.worker.raw_output("stdout"))
        self.worker.contexts[0].close()
        self.worker.contexts[0].close = lambda: None
        self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{pid}")))

    # What a context is made with.

    def test_environment_and_directory_of_bash(self):
        done = self.worker.configure("bash", "/usr/bin", {"FOO": "ba\nr"})
        self.assertEqual(done, ("", 0))
        self.worker.run('pwd; echo "$FOO"; bash -c "echo \\"\\$FOO\\""')
        self.assertEqual(self.worker.raw_output("stdout"), "/usr/bin\nba\nr\nba\nr\n")

    def test_environment_and_directory_of_python(self):
        done = self.worker.configure("", "/usr/bin", {"FOO": "bar", "TZ": "Asia/Tokyo"})
        self.assertEqual(done, ("", 0))
        cell = self.worker.run("import os, time; os.getcwd(), os.environ['FOO'], time.strftime('%Z')")
        self.assertEqual((cell.result, cell.count), ("('/usr/bin', 'bar', 'JST')", 1))
        execution_id = self.worker.send("print('ready')\ntime.sleep(1000)")
        self.assertEqual(self.worker.event().kind, "stdout")
        self.assertEqual(self.worker.interrupt_until_done(execution_id).outcome, INTERRUPTED)

    def test_directory_that_cannot_be_entered(self):
        self.assertEqual(self.worker.configure("bash", "/nowhere"), ("working_directory", 2))

    def test_language_that_is_not_there(self):
        self.assertEqual(self.worker.configure("cobol"), ("language", 0))


if __name__ == "__main__":
    unittest.main()
