"""The Python side of a sandbox: the zygote that is forked, and the context worker that runs cells.

zygote.py    warms the libraries once and forks a context for each sandbox; never runs user code
context.py   the worker: takes cells from fd 3, runs them, sends events to fd 4
languages/   what cells are written in: Python, bash
environment.py  variables of a context and of a cell
shell.py     IPython, without files, history on disk or a terminal
shortcuts.py ways around what IPython does for each cell and hardly any needs
code_interpreter.py  what E2B's SDKs read of a display, where a cell asks for it
charts.py    matplotlib figures -> charts; chart_axes.py and chart_boxes.py read parts of them
json_data.py DataFrames, lists and dicts -> JSON
pillow.py    images that are shown and saved -> displays
displays.py  MIME bundles and metadata -> wire parts
expressions.py  user_expressions -> values
interrupts.py   SIGINT -> KeyboardInterrupt in the running cell, and nowhere else
foreground.py   subprocesses that a cell waits for, which end with it
errors.py    exceptions -> name, value, traceback, whatever the exception object does
streams.py   sys.stdout and sys.stderr as frames
channel.py   the two pipes
wire.py      the protobuf encoding of proto/warren/internal/worker.proto
reseed.py    fresh random state after a fork
holes.py     free blocks of the warmed heap, taken so that contexts allocate side by side
immortal.py  objects whose reference counts stay unwritten, so that pages stay shared
native.py    libwarren-context.so: confinement, written in C++

Standard library and IPython only; Python 3.11 to 3.13.
"""
