"""What the rows are compared with. Each is measured in the run that uses it: those that cost little right before each row, the
others at their first use in a repetition."""

import json
import os
import shutil
import subprocess

from . import cells, cpu, files
from .errors import BenchError
from .processes import LineServer
from .stats import median, milliseconds, summary

_COLD = {"bwrap-cold-nothing": "print('done')", "bwrap-cold-pandas": cells.PANDAS, "bwrap-cold-figure": cells.FIGURE}
# Sizes of a message of the byte stream; the best of them is the reference.
_CHUNKS = (16 << 10, 64 << 10, 256 << 10, 1 << 20)
# Measured anew for every row: the machine's pace drifts within minutes.
_CHEAP = frozenset(
    {
        "pipe",
        "grpc-echo",
        "grpc-echo-paced",
        "grpc-cell-echo",
        "grpc-write-echo",
        "grpc-read-echo",
        "fork-ready",
        "fork-exit",
        "fork-exec",
        "fork-a-second",
    }
)
# What is measured again after a row, the first of these that the row has.
_DRIFTING = ("grpc-echo", "grpc-cell-echo", "fork-ready", "fork-exit")

# As runtime/launch sets it for a zygote.
_ENVIRONMENT = {
    "HOME": "/home/user",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TMPDIR": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MPLCONFIGDIR": "/tmp/.matplotlib",
}


class References:
    """Names -> figures of this run. Lifecycle: References() -> get()... -> close()."""

    def __init__(self, client, template, folder, root, sizes):
        """template: a Template of the store; folder: of the run; sizes: numbers of samples by kind."""
        self._client = client
        self._template = template
        self._folder = folder
        self._root = root
        self._sizes = sizes
        self._figures = {}
        self.details = {}
        self.samples = {}
        self.unavailable = {}
        self._bare = None
        self._zygotes = []
        self._measures = {
            "pipe": self._pipe,
            "grpc-echo": self._echo,
            "grpc-echo-paced": self._paced,
            "grpc-cell-echo": self._cell_echo,
            "grpc-write-echo": lambda: self._small_file("grpc-write-echo", "write"),
            "grpc-read-echo": lambda: self._small_file("grpc-read-echo", "read"),
            "grpc-stream-mib-s": self._stream,
            "grpc-write-mib-s": lambda: self._large_file("grpc-write-mib-s", "write"),
            "grpc-read-mib-s": lambda: self._large_file("grpc-read-mib-s", "read"),
            "grpc-idle-percent": self._idle,
            "fork-ready": self._forks,
            "fork-exit": self._forks,
            "fork-exec": self._fork_exec,
            "fork-a-second": self._forks,
            "fork-exit-rate": self._rate,
            "fork-exit-rate-alone": self._rate,
            "fork-pandas": lambda: self._fork_cell("fork-pandas", cells.PANDAS),
            "fork-figure": lambda: self._fork_cell("fork-figure", cells.FIGURE),
            "oci-cold-nothing": lambda: self._oci("oci-cold-nothing", "print('done')"),
            "oci-cold-pandas": lambda: self._oci("oci-cold-pandas", cells.PANDAS),
            "ipykernel-cell": self._ipykernel,
        }
        for name in _COLD:
            self._measures[name] = lambda name=name: self._bwrap(name)

    def start_repetition(self):
        """All are measured anew at their next use."""
        self._figures = {}

    def get(self, names):
        """name -> figure, for those that this host can measure; `unavailable` says why for the others."""
        for name in _CHEAP:
            self._figures.pop(name, None)
        for name in names:
            if name not in self._figures and name not in self.unavailable:
                try:
                    self._measures[name]()
                except (BenchError, OSError, subprocess.SubprocessError) as error:
                    self.unavailable[name] = str(error)
        return {name: self._figures[name] for name in names if name in self._figures}

    def again(self, names):
        """One cheap reference of these, measured once more with few samples: its name and p50 in ms."""
        name = next((name for name in _DRIFTING if name in names), "grpc-echo")
        if name.startswith("fork"):
            forks = self._zygote(0).ask({"do": "fork", "count": self._sizes["drift_fork"]})
            return name, median(milliseconds(forks["ready" if name == "fork-ready" else "reaped"]))
        command, answer = ("echo", "echo") if name == "grpc-echo" else ("cells", "cell")
        options = ["--count", self._sizes["drift_echo"], "--warmup", 100]
        return name, median(milliseconds(self._client.run(command, "--address", self._address(), *options)[answer]))

    def noise(self):
        """Two references once more, to be taken at both ends of a run: p50 and min in ms."""
        forks = self._zygote(0).ask({"do": "fork", "count": self._sizes["fork"]})
        echo = self._client.run("echo", "--address", self._address(), "--count", self._sizes["echo"])
        return {
            name: {"p50": median(times), "min": min(times)}
            for name, times in (("fork-ready", milliseconds(forks["ready"])), ("grpc-echo", milliseconds(echo["echo"])))
        }

    def rest(self):
        """Ends what runs beside a measurement of the host's memory or its idle time."""
        for zygote in self._zygotes:
            zygote.close()
        self._zygotes = []

    def close(self):
        self.rest()
        if self._bare is not None:
            self._bare.close()
            self._bare = None

    def _keep(self, name, times_ns):
        times = milliseconds(times_ns)
        self._figures[name] = median(times)
        self.details[name] = {"unit": "ms", **summary(times)}
        self.samples[name] = times

    def _keep_value(self, name, value, unit, **details):
        self._figures[name] = value
        self.details[name] = {"unit": unit, "value": value, **details}

    # Bare gRPC and pipes.

    def _address(self):
        address = f"unix://{self._folder}/bare.sock"
        if self._bare is None:
            self._bare = self._client.serve_reference(address)
        return address

    def _fork_exec(self):
        options = ["--count", self._sizes["fork_exec"], "--warmup", 5]
        self._keep("fork-exec", self._client.run("fork-exec", *options, cells.COMMAND)["reaped"])

    def _pipe(self):
        self._keep("pipe", self._client.run("pipe", "--count", self._sizes["echo"])["round_trip"])

    def _echo(self):
        answer = self._client.run("echo", "--address", self._address(), "--count", self._sizes["echo"], "--warmup", 100)
        self._keep("grpc-echo", answer["echo"])

    def _paced(self):
        answer = self._client.run("creates", "--address", self._address(), "--count", self._sizes["create"])
        self._keep("grpc-echo-paced", answer["create"])

    def _cell_echo(self):
        count = self._sizes["cell"]
        answer = self._client.run("cells", "--address", self._address(), "--count", count, "--warmup", 100)
        self._keep("grpc-cell-echo", answer["cell"])

    def _stream(self):
        size = self._sizes["output_bytes"]
        rates = {}
        for chunk in _CHUNKS:
            address = self._address()
            # The client allows twice the bytes that it asks for, and the bare server sends all that is allowed.
            answer = self._client.run(
                "output", "--address", address, "--code", chunk, "--bytes", size // 2, "--supervisor-pid", self._bare.pid
            )
            rates[chunk] = answer["bytes"] / 2**20 / (answer["elapsed"] / 1e9)
        self._keep_value("grpc-stream-mib-s", max(rates.values()), "MiB/s", by_chunk={str(k): v for k, v in rates.items()})

    def _small_file(self, name, direction):
        arguments = files.small(direction, self._sizes["file"], self._sizes["warmup"])
        self._keep(name, self._client.run("files", "--address", self._address(), *arguments)["transfer"])

    def _large_file(self, name, direction):
        arguments = files.large(direction, self._sizes["file_bytes"], self._sizes["file_rounds"])
        answer = self._client.run("files", "--address", self._address(), *arguments)
        self._keep_value(name, median(files.rates(answer)), "MiB/s", chunk=answer["chunk"])

    def _idle(self):
        self._address()
        seconds = self._sizes["idle_seconds"] / 4
        share = cpu.share_of_a_core([self._bare.pid], seconds)
        self._keep_value("grpc-idle-percent", share * 100, "% of a core", seconds=seconds)

    # Forks of the zygote's image.

    def _zygote(self, index):
        while len(self._zygotes) <= index:
            self._zygotes.append(self._start_zygote())
        return self._zygotes[index]

    def _start_zygote(self):
        here = os.path.join(self._root, "tools/benchmark/probes")
        config = {"worker": "/opt/worker", "preload": self._template.preload, "warmup": self._template.warmup}
        command = self._in_template("--dir", "/home/user", "--ro-bind", f"{self._root}/runtime/worker", "/opt/worker")
        command += ["--ro-bind", here, "/opt/probes", self._template.python, "-I", "/opt/probes/zygote_fork.py"]
        return LineServer([*command, json.dumps(config)])

    def _forks(self):
        answer = self._zygote(0).ask({"do": "fork", "count": self._sizes["fork"]})
        self._keep("fork-ready", answer["ready"])
        self._keep("fork-exit", answer["reaped"])
        # What a fork takes, once a second, as a share of a core: a scale for what an idle server uses.
        self._keep_value("fork-a-second", self._figures["fork-ready"] / 10, "% of a core")

    def _rate(self):
        """One process that forks and waits, then as many as there are cores. The second is what the machine can do."""
        seconds = self._sizes["rate_seconds"]
        alone = self._zygote(0).ask({"do": "rate", "seconds": seconds})
        self._keep_value("fork-exit-rate-alone", alone["forks"] / alone["elapsed"] * 1e9, "1/s")
        zygotes = [self._zygote(index) for index in range(os.cpu_count())]
        for zygote in zygotes:
            zygote.send({"do": "rate", "seconds": seconds})
        answers = [json.loads(zygote.read_line(seconds + 60)) for zygote in zygotes]
        together = sum(answer["forks"] / answer["elapsed"] * 1e9 for answer in answers)
        self._keep_value("fork-exit-rate", together, "1/s", processes=len(zygotes))

    def _fork_cell(self, name, code):
        self._keep(name, self._zygote(0).ask({"do": "cell", "count": self._sizes["fork_cell"], "code": code})["done"])

    # Cold starts.

    def _in_template(self, *more):
        """bubblewrap inside the template's root file system; what is unshared is up to `more`."""
        environment = [word for name, value in _ENVIRONMENT.items() for word in ("--setenv", name, value)]
        command = ["bwrap", "--die-with-parent", "--clearenv", *environment]
        command += ["--ro-bind", self._template.rootfs, "/", "--proc", "/proc", "--dev", "/dev"]
        return [*command, "--tmpfs", "/tmp", "--tmpfs", "/home", "--tmpfs", "/opt", *more]

    def _matplotlib_cache(self):
        """The list of fonts that matplotlib makes once a user: the cold start gets it as a present."""
        folder = os.path.join(self._folder, "matplotlib")
        if not os.path.isdir(folder):
            os.mkdir(folder)
            command = self._in_template("--bind", folder, "/tmp/.matplotlib", self._template.python, "-c", cells.FIGURE)
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return folder

    def _bwrap(self, name):
        cache = self._matplotlib_cache()
        command = self._in_template("--unshare-all", "--ro-bind", cache, "/tmp/.matplotlib")
        self._keep_spawn(name, [*command, self._template.python, "-c", _COLD[name]])

    def _oci(self, name, code):
        """The first runtime of two that works here: crun refuses some hosts with cgroups v1 and v2 side by side."""
        refusals = []
        for runtime, *options in (("crun", "--cgroup-manager=disabled"), ("runc",)):
            if shutil.which(runtime) is None:
                refusals.append(f"{runtime} is not installed: tools/install-deps --bench")
                continue
            bundle = os.path.join(self._folder, f"{name}-{runtime}")
            self._write_bundle(runtime, bundle, code)
            command = [runtime, f"--root={self._folder}/{runtime}", *options, "run", f"--bundle={bundle}"]
            try:
                self._keep_spawn(name, [*command, f"warren-{os.getpid()}-{name}"])
            except BenchError as error:
                refusals.append(f"{runtime}: {error}")
                continue
            self.details[name] |= {"runtime": runtime, "refusals": refusals}
            return
        raise BenchError("; ".join(refusals))

    def _write_bundle(self, runtime, bundle, code):
        os.makedirs(bundle, exist_ok=True)
        path = os.path.join(bundle, "config.json")
        if not os.path.exists(path):
            subprocess.run([runtime, "spec"], cwd=bundle, check=True, capture_output=True)
        with open(path) as file:
            config = json.load(file)
        config["root"] = {"path": self._template.rootfs, "readonly": True}
        config["process"]["terminal"] = False
        config["process"]["args"] = [self._template.python, "-c", code]
        config["process"]["env"] = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        config["mounts"] = [
            mount for mount in config["mounts"] if mount["destination"] in ("/proc", "/dev", "/dev/pts", "/dev/shm")
        ] + [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]}]
        config["linux"].pop("resources", None)
        with open(path, "w") as file:
            json.dump(config, file)

    def _keep_spawn(self, name, command):
        options = ["--count", self._sizes["cold"], "--warmup", self._sizes["cold_warmup"], "--until", cells.DONE]
        self._keep(name, self._client.run("spawn", *options, "--", *command)["ready"])

    def _ipykernel(self):
        python = "/usr/bin/python3"
        script = os.path.join(self._root, "tools/benchmark/probes/ipykernel_cell.py")
        home = os.path.join(self._folder, "jupyter")
        os.makedirs(home, exist_ok=True)
        environment = {"PATH": "/usr/bin:/bin", "HOME": home, "JUPYTER_RUNTIME_DIR": home, "LANG": "C.UTF-8"}
        command = [python, script, cells.ONE, str(self._sizes["ipykernel"]), "20"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=300)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise BenchError(f"ipykernel did not answer ({reason}); install: tools/install-deps --bench")
        self._keep("ipykernel-cell", json.loads(done.stdout)["cell"])
