"""IPython as a context uses it: no terminal, no files, no history on disk, colours where a cell
asks for them.

Lifecycle: build_shell() in the zygote -> run_warmup() -> fork -> output connected by context.py.
"""

import asyncio
import builtins
import codeop
import getpass
import linecache
import os
import subprocess
import sys
import tokenize
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from io import StringIO

from IPython.core import async_helpers, interactiveshell
from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.autocall import ExitAutocall
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.events import EventManager
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from IPython.utils.text import LSString, SList
from traitlets import default
from traitlets.config import Config

from . import foreground
from .shortcuts import WorkerDisplayFormatter, WorkerTransformers, unwrap_formatters

__builtins__ = dict(vars(builtins))  # See wire.py.

_FOLDER = os.path.dirname(__file__)
_INLINE_BACKEND = "module://matplotlib_inline.backend_inline"


class _NoOutput:
    """Takes the displays of the warm-up."""

    def display(self, bundle, is_result, metadata=None, display_id=None, update=False):
        pass

    def clear_output(self, wait):
        pass


class _MemoryProfile(ProfileDir):
    """A profile without a directory: IPython's own makes one as soon as it knows the name."""

    def _location_changed(self, change):
        pass


class WorkerHistory(HistoryManager):
    """In and _i, _ii, _iii, _iN. The original also fills a cache for the database's thread,
    under locks that an interrupt at the wrong moment leaves held for ever."""

    def store_inputs(self, line_num, source, source_raw=None):
        source_raw = source if source_raw is None else source_raw
        source_raw = source_raw.rstrip("\n")
        previous = [*reversed(self.input_hist_raw[-3:]), "", ""][:3]
        self.input_hist_parsed.append(source.rstrip("\n"))
        self.input_hist_raw.append(source_raw)
        names = dict(zip(("_i", "_ii", "_iii"), previous), **{f"_i{line_num}": source_raw})
        self.shell.push(names, interactive=False)

    def store_output(self, line_num):
        pass


class WorkerEvents(EventManager):
    """The original prints an interrupt of a callback, and goes on with the cell."""

    def trigger(self, event, *args, **kwargs):
        if not (callbacks := self.callbacks[event]):
            return
        for callback in callbacks[:]:
            try:
                callback(*args, **kwargs)
            except Exception:
                if getattr(self, "print_on_error", True):
                    print(f"Error in callback {callback} (for {event}):")
                self.shell.showtraceback()


class _Exit(ExitAutocall):
    """`exit`, `exit()`, `quit(1)` in a cell: as sys.exit."""

    def __call__(self, code=None):
        raise SystemExit(code)


class WorkerDisplayHook(DisplayHook):
    """The value of a cell's last expression -> a WorkerDisplay with is_result."""

    def quiet(self):
        # The original tokenizes the cell each time to find a ';' at its end, and takes that which
        # entered the history last for the one that runs.
        shell = self.shell
        cell = shell.unstored_source
        if cell is None:
            history = shell.history_manager.input_hist_parsed
            cell = history[-1] if history else ""
        return ";" in cell and _ends_with_semicolon(cell)

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.output.display(format_dict, True, md_dict)

    def log_output(self, format_dict):
        # The original keeps every result's text a second time.
        pass

    def finish_displayhook(self):
        pass


def _ends_with_semicolon(cell):
    try:
        tokens = list(tokenize.generate_tokens(StringIO(cell).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    ends = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT)
    return next((t.string == ";" for t in reversed(tokens) if t.type not in ends), False)


class WorkerDisplayPublisher(DisplayPublisher):
    """display(...), update_display(...) -> a WorkerDisplay."""

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **kwargs):
        self._validate_data(data, metadata)
        display_id = transient.get("display_id") if transient else None
        self.shell.output.display(data, False, metadata, display_id, update)

    def clear_output(self, wait=False):
        self.shell.output.clear_output(wait)


class WorkerShell(InteractiveShell):
    """One context's interpreter. Main thread only."""

    # Set by the context.
    output = _NoOutput()
    # The running cell, where it does not enter the history.
    unstored_source = None

    def __init__(self, **kwargs):
        # The last traceback made, as (exception, text), until the context takes it.
        self._traceback = None
        self._cancelling = False
        super().__init__(**kwargs)
        self.loop_runner = self._run_coroutine
        self.input_transformer_manager = WorkerTransformers()

    # What IPython would look for on disk or in a terminal.

    def init_profile_dir(self, profile_dir):
        self.profile_dir = _MemoryProfile()

    def init_virtualenv(self):
        pass

    @default("exiter")
    def _make_exiter(self):
        return _Exit(self)

    def init_history(self):
        self.history_manager = WorkerHistory(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_events(self):
        super().init_events()
        self.events.__class__ = WorkerEvents

    def enable_gui(self, gui=None):
        pass

    def system(self, cmd):
        # `!command`: straight to the raw pipes. The original wants a pseudo-terminal and pexpect,
        # and its simpler one swallows interrupts.
        status = subprocess.call(
            self.var_expand(cmd, depth=1), shell=True, executable=os.environ.get("SHELL")
        )
        self.user_ns["_exit_code"] = 128 - status if status > 128 else status

    def getoutput(self, cmd, split=True, depth=0):
        done = subprocess.run(
            self.var_expand(cmd, depth=depth + 1),
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        text = done.stdout.decode("utf-8", "replace")
        return SList(text.splitlines()) if split else LSString(text)

    def init_display_formatter(self):
        self.display_formatter = WorkerDisplayFormatter(parent=self)
        self.configurables.append(self.display_formatter)

    # Errors.

    def showtraceback(self, exc_tuple=None, *args, **kwargs):
        try:
            _drop_own_frames((exc_tuple or sys.exc_info())[1])
            super().showtraceback(exc_tuple, *args, **kwargs)
        except Exception:
            # An exception object that fights its own display. The context says of it what can be
            # said.
            pass

    def _showtraceback(self, etype, evalue, stb):
        text = self.InteractiveTB.stb2text(stb)
        running = self.displayhook.exec_result
        if (
            running is not None
            and evalue is not running.error_in_exec
            and evalue is not running.error_before_exec
        ):
            # Not the end of the cell: a magic or user code shows an exception that it has caught.
            print(text, file=sys.stderr)
            return
        if self._traceback is not None and not self._cancelling:
            print(self._traceback[1], file=sys.stderr)
        self._traceback = (evalue, text)

    @contextmanager
    def colored(self):
        """Tracebacks that are made meanwhile have colours."""
        makers = (self.InteractiveTB, self.SyntaxTB)
        before = [maker.color_scheme_table.active_scheme_name for maker in makers]
        try:
            for maker in makers:
                maker.set_colors("Neutral")
            yield
        finally:
            for maker, name in zip(makers, before):
                maker.set_colors(name)

    def take_traceback(self, error):
        """IPython's traceback of the exception that ended the cell, or None where it made none."""
        shown, self._traceback = self._traceback, None
        if shown is None:
            return None
        if shown[0] is error:
            return shown[1]
        print(shown[1], file=sys.stderr)
        return None

    # Top-level await.

    def should_run_async(self, raw_cell, *, transformed_cell=None, preprocessing_exc_tuple=None):
        # The original compiles the cell to find out.
        cell = raw_cell if transformed_cell is None else transformed_cell
        if "await" not in cell and "async" not in cell:
            return False
        return super().should_run_async(
            raw_cell,
            transformed_cell=transformed_cell,
            preprocessing_exc_tuple=preprocessing_exc_tuple,
        )

    def _run_coroutine(self, coroutine):
        """Runs a cell with `await` in it. An interrupt cancels the cell's task, so that the next
        cell with an `await` does not find it still running on the loop."""
        loop = get_asyncio_loop()
        try:
            return loop.run_until_complete(loop.create_task(coroutine))
        except KeyboardInterrupt:
            self._cancelling = True
            try:
                _cancel(loop, coroutine)
            finally:
                self._cancelling = False
            raise


def _cancel(loop, coroutine):
    """Ends the task of this coroutine, unless it has none yet, or the interrupt has ended it: the
    loop would run for ever for that one."""
    for task in asyncio.all_tasks(loop):
        if task.get_coro() is coroutine:
            task.cancel()
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:
                pass
    coroutine.close()


def _drop_own_frames(error):
    """A traceback ends where user code or a library was: not in the signal handler that raised, nor
    in what sends the output."""
    last = None
    entry = error.__traceback__
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(_FOLDER):
            last = entry
        entry = entry.tb_next
    if last is not None:
        last.tb_next = None


def build_shell():
    """The process's one shell. Touches no file; makes no thread."""
    if find_spec("matplotlib_inline") is not None:
        # Where matplotlib is imported later: figures appear at the end of a cell without a show().
        os.environ["MPLBACKEND"] = _INLINE_BACKEND
    config = Config()
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.display_page = True
    config.InteractiveShell.show_rewritten_input = False
    config.InteractiveShell.separate_in = ""
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.Completer.use_jedi = False
    interactiveshell.PickleShareDB = lambda path: {}
    shell = WorkerShell.instance(
        config=config,
        ipython_dir="",
        displayhook_class=WorkerDisplayHook,
        display_pub_class=WorkerDisplayPublisher,
    )
    unwrap_formatters()
    # A cell is never half typed: "'(' was never closed" instead of "incomplete input".
    shell.compile.flags &= ~codeop.PyCF_ALLOW_INCOMPLETE_INPUT
    shell.user_ns["exit"] = shell.user_ns["quit"] = shell.exiter
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")
    os.system = foreground.system
    _refuse_input()
    if "matplotlib" in sys.modules:
        shell.enable_matplotlib("inline")
    return shell


def _refuse_input():
    def refuse(name):
        def replacement(*args, **kwargs):
            raise StdinNotImplementedError(
                f"{name}() is not available in a sandbox: "
                "pass the data in the code or write it to a file"
            )

        replacement.__name__ = name
        return replacement

    builtins.input = refuse("input")
    getpass.getpass = refuse("getpass")


# Cells that every context's first cell profits from: the paths of results, output, exceptions and
# awaits.
_GENERIC_WARMUP = """
# %%
1 + 1
# %%
print("warm"); [print(n, end="") for n in range(3)]; print()
# %%
import asyncio
await asyncio.sleep(0)
# %%
def warm():
    raise ValueError("warm")
warm()
# %%
this is no Python
# %%
%pwd
# %%
from IPython.display import display, HTML
display(HTML("<b>warm</b>"))
{"a": [1, 2.5, "x" * 200], "b": {1, 2}}
"""


def run_warmup(shell, source):
    """Runs the generic warm-up and the template's, cell by cell ("# %%" starts a new one), and
    leaves no trace in the shell. Raises RuntimeError when a cell of the template's fails."""
    names = set(shell.user_ns)
    import_path = list(sys.path)
    for cell in _GENERIC_WARMUP.split("# %%\n"):
        shell.run_cell(cell, store_history=True)
    shell._traceback = None
    for cell in source.split("# %%\n"):
        result = shell.run_cell(cell, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        text = shell.take_traceback(error)
        if error is not None:
            raise RuntimeError(f"the template's warm-up code failed:\n{text or error!r}")
    sys.path[:] = import_path
    forget(shell, names)


def forget(shell, names):
    """Takes what cells left in the shell away, and every variable but `names`."""
    for name in set(shell.user_ns) - names:
        del shell.user_ns[name]
    history = shell.history_manager
    history.input_hist_parsed[:] = [""]
    history.input_hist_raw[:] = [""]
    history.output_hist.clear()
    hook = shell.displayhook
    hook._ = hook.__ = hook.___ = ""
    for name in ("_", "__", "___", "_i", "_ii", "_iii"):
        shell.user_ns[name] = ""
    shell.execution_count = 1
    shell.last_execution_result = None
    shell.last_execution_succeeded = True
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    _forget_event_loop()
    _forget_sources(shell)


def _forget_event_loop():
    """The warm-up's loop holds an epoll fd, which would be one and the same in every context."""
    loop = getattr(async_helpers, "_asyncio_event_loop", None)
    if loop is not None:
        loop.close()
        async_helpers._asyncio_event_loop = None
        asyncio.set_event_loop(None)


def _forget_sources(shell):
    for name in list(getattr(shell.compile, "_filename_map", ())):
        linecache.cache.pop(name, None)
        getattr(linecache, "_ipython_cache", {}).pop(name, None)
    getattr(shell.compile, "_filename_map", {}).clear()
