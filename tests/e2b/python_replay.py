"""The cases of the Python SDK's replay (python_client.py): `python_replay.py >results.json`, against the server that E2B_API_URL
and E2B_SANDBOX_URL name. The results have the form of those that suite/run.mjs prints."""

import base64
import hashlib
import json
import sys
import time
import urllib.parse

from python_client import Api, Failed, VERSION

CASES = []
# Polls end by this at the latest: what only a hang takes.
PATIENCE = 60


def case(capability, title):
    def declare(body):
        CASES.append((capability, title, body))
        return body
    return declare


def check(actual, wanted, what=""):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r} where {wanted!r} is due")


def fails(code, call, *words):
    """call() must end with this code, of HTTP or of Connect."""
    try:
        call()
    except Failed as error:
        check(error.code, code, error.message)
        for word in words:
            if word not in error.message:
                raise AssertionError(f"{word!r} is not in {error.message!r}") from error
        return error
    raise AssertionError(f"nothing went wrong where {code} is due")


def until(holds):
    deadline = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it did not come")
        time.sleep(0.02)


class Place:
    """What a case is given: sandboxes, which are gone behind it."""

    def __init__(self):
        self.api = Api()
        self.made = []

    def sandbox(self, template="base", **options):
        sandbox = self.api.create(template, **options)
        self.made.append(sandbox)
        return sandbox

    def code(self, **options):
        return self.sandbox("code-interpreter-v1", **options)

    def close(self):
        for sandbox in self.made:
            sandbox.kill()


# ---- Control plane

@case("sandboxes", "create with the SDK's defaults (v1)")
def create(t):
    sandbox = t.sandbox()
    check(sandbox.is_running(), True)
    assert sandbox.token, "secure, so there is a token"
    check(sandbox.run("echo $((6*7))")[1], "42\n")


@case("sandboxes", "getInfo tells of it")
def info(t):
    sandbox = t.sandbox(metadata={"größe": "zwölf"})
    told = t.api.control("GET", f"/sandboxes/{sandbox.id}").check().json()
    check((told["sandboxID"], told["state"], told["metadata"]), (sandbox.id, "running", {"größe": "zwölf"}))
    for name in ("templateID", "clientID", "startedAt", "endAt", "cpuCount", "memoryMB", "diskSizeMB", "envdVersion"):
        assert told.get(name) is not None, f"{name} is missing: the SDK's model demands it"


@case("sandboxes", "an unknown template is told")
def unknown_template(t):
    error = fails(404, lambda: t.api.create("no-such-template"), "no-such-template")
    assert error.message


@case("sandboxes", "kill is true once and then false")
def kill(t):
    sandbox = t.sandbox()
    check((sandbox.kill(), sandbox.kill(), sandbox.is_running()), (True, False, False))


@case("sandboxes", "set_timeout, and connect (v1)")
def timeouts(t):
    sandbox = t.sandbox()
    check(t.api.control("POST", f"/sandboxes/{sandbox.id}/timeout", {"timeout": 1800}).status, 204)
    told = t.api.control("POST", f"/sandboxes/{sandbox.id}/connect", {"timeout": 60})
    check(told.status, 200)
    check(told.json()["sandboxID"], sandbox.id)
    check(told.json()["envdAccessToken"], sandbox.token)
    end = t.api.control("GET", f"/sandboxes/{sandbox.id}").json()["endAt"]
    left = time.mktime(time.strptime(end[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - time.time()
    assert 1500 < left < 1900, f"{left} s are left: connect makes nothing shorter"


@case("sandboxes", "an unknown one is 404 everywhere")
def unknown(t):
    path = "/sandboxes/i0123456789abcdefghij"
    for method, end, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/connect", {"timeout": 1}), ("POST", "/pause", {}),
                              ("POST", "/timeout", {"timeout": 1}), ("GET", "/metrics", None), ("PUT", "/network", {})):
        answer = t.api.control(method, path + end, body)
        check((answer.status, answer.json()["code"]), (404, 404), f"{method} {end}")
        assert answer.json()["message"]


@case("sandboxes", "a request that is none is 400 in E2B's form")
def malformed(t):
    for body in (b"{", b"[]", b'{"templateID": 7}', b'{"templateID": "base", "timeout": -1}',
                 b'{"templateID": "base", "metadata": "x"}'):
        answer = t.api.send("POST", "/sandboxes", body, {"X-API-KEY": t.api.key, "Content-Type": "application/json"})
        check((answer.status, answer.json()["code"]), (400, 400), body.decode())


@case("list of sandboxes", "by metadata, with pages (v2 list)")
def listing(t):
    made = [t.sandbox(metadata={"replay mark": "a b&c"}).id for _ in range(3)]
    # As the SDK does it: encoded, then a query string, then encoded.
    metadata = urllib.parse.urlencode({urllib.parse.quote("replay mark"): urllib.parse.quote("a b&c")})
    seen, token = [], None
    while True:
        query = {"metadata": metadata, "state": "running,paused", "limit": 2} | ({"nextToken": token} if token else {})
        answer = t.api.control("GET", "/v2/sandboxes", query=query).check()
        seen += [found["sandboxID"] for found in answer.json()]
        token = answer.headers.get("X-Next-Token")
        if not token:
            break
    check(sorted(seen), sorted(made))


@case("pause and resume", "pause, 409 where it is paused, resume by connect (201)")
def pause(t):
    sandbox = t.sandbox()
    pid, events = sandbox.start("sleep 600", timeout=None)
    events.close()
    path = f"/sandboxes/{sandbox.id}"
    check(t.api.control("POST", f"{path}/pause", {"memory": True}).status, 204)
    check(t.api.control("POST", f"{path}/pause", {"memory": True}).status, 409)
    check(sandbox.is_running(), False)
    check(t.api.control("POST", f"{path}/connect", {"timeout": 300}).status, 201)
    assert pid in [found["pid"] for found in sandbox.call("process.Process/List", {})["processes"]]


@case("what happens at the timeout", "autoPause and autoResume")
def auto(t):
    sandbox = t.sandbox(timeout=2, autoPause=True, autoResume={"enabled": True})
    until(lambda: t.api.control("GET", f"/sandboxes/{sandbox.id}").json()["state"] == "paused")
    check(sandbox.run("echo awake")[1], "awake\n")


@case("metrics", "get_metrics")
def metrics(t):
    sandbox = t.sandbox()
    told = until(lambda: t.api.control("GET", f"/sandboxes/{sandbox.id}/metrics").check().json())[-1]
    for name in ("timestamp", "timestampUnix", "cpuCount", "cpuUsedPct", "memUsed", "memTotal", "diskUsed", "diskTotal"):
        assert name in told, f"{name} is missing: the SDK's model demands it"


@case("network", "allow_internet_access false, and an update")
def network(t):
    sandbox = t.sandbox(allow_internet_access=False)
    path = f"/sandboxes/{sandbox.id}"
    check(t.api.control("GET", path).json()["allowInternetAccess"], False)
    check(t.api.control("PUT", f"{path}/network", {"denyOut": ["203.0.113.0/24"]}).status, 204)
    check(t.api.control("GET", path).json()["network"]["denyOut"], ["203.0.113.0/24"])


# ---- Commands

@case("commands", "run: output, exit code, error")
def run(t):
    sandbox = t.sandbox(envVars={"WHO": "sandbox"})
    check(sandbox.run("echo out; echo err >&2; exit 3"), (3, "out\n", "err\n", "exit status 3"))
    check(sandbox.run("echo $WHO; whoami; pwd")[1], "sandbox\nuser\n/home/user\n")
    check(sandbox.run("whoami", user="root")[1], "root\n")
    check(sandbox.run("echo $WHO; pwd", envs={"WHO": "call"}, cwd="/tmp")[1], "call\n/tmp\n")


@case("commands", "a cwd that is not there is invalid_argument")
def missing_cwd(t):
    sandbox = t.sandbox()
    fails("invalid_argument", lambda: sandbox.start("pwd", cwd="/no/such/place"))


@case("commands", "send_stdin, close_stdin")
def stdin(t):
    sandbox = t.sandbox()
    pid, events = sandbox.start("cat; echo over", stdin=True)
    selector = {"process": {"pid": pid}}
    sandbox.call("process.Process/SendInput", selector | {"input": {"stdin": base64.b64encode("größe\n".encode()).decode()}})
    sandbox.call("process.Process/CloseStdin", selector)
    check(sandbox.result(events)[:2], (0, "größe\nover\n"))


@case("commands", "kill: true, then not_found")
def kill_command(t):
    sandbox = t.sandbox()
    pid, events = sandbox.start("sleep 600", timeout=None)
    message = {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}
    sandbox.call("process.Process/SendSignal", message)
    code, _, _, error = sandbox.result(events)
    check((code, error), (-1, "signal: killed"))
    fails("not_found", lambda: sandbox.call("process.Process/SendSignal", message))


@case("commands", "connect after the client has gone")
def connect_command(t):
    sandbox = t.sandbox()
    pid, events = sandbox.start("read -r x; echo got $x; exit 5", stdin=True, timeout=None)
    events.close()
    again = sandbox.stream("process.Process/Connect", {"process": {"pid": pid}}, timeout=None)
    check(next(again)["event"]["start"]["pid"], pid)
    sandbox.call("process.Process/SendInput", {"process": {"pid": pid}, "input": {"stdin": base64.b64encode(b"it\n").decode()}})
    check(sandbox.result(again)[:2], (5, "got it\n"))


@case("commands", "the timeout ends the stream with deadline_exceeded")
def deadline(t):
    sandbox = t.sandbox()
    fails("deadline_exceeded", lambda: sandbox.run("sleep 600", timeout=700))


@case("commands", "of a killed sandbox: 502, which is unavailable")
def gone(t):
    sandbox = t.sandbox()
    sandbox.kill()
    fails(502, lambda: sandbox.run("true"), "not found")
    fails(502, lambda: sandbox.call("filesystem.Filesystem/Stat", {"path": "x"}))


@case("terminals", "create, input, resize")
def pty(t):
    sandbox = t.sandbox()
    events = sandbox.stream("process.Process/Start", {
        "process": {"cmd": "/bin/bash", "args": ["-i", "-l"],
                    "envs": {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}},
        "pty": {"size": {"cols": 80, "rows": 24}}})
    selector = {"process": {"pid": next(events)["event"]["start"]["pid"]}}
    # bash sets the size that it has read, before each prompt: one that comes in between is lost.
    shown, end = b"", None
    while not shown.endswith(b"$ "):
        shown += base64.b64decode(next(events)["event"]["data"]["pty"])
    sandbox.call("process.Process/Update", selector | {"pty": {"size": {"cols": 100, "rows": 30}}})
    sandbox.call("process.Process/SendInput", selector | {"input": {"pty": base64.b64encode(b"stty size; exit 3\n").decode()}})
    for event in events:
        shown += base64.b64decode(event["event"].get("data", {}).get("pty", ""))
        end = event["event"].get("end", end)
    assert b"30 100" in shown, shown
    check(end["exitCode"], 3)


# ---- Files

@case("files", "write of one, with a path, and read")
def one_file(t):
    sandbox = t.sandbox()
    check(sandbox.write(("notes.txt", "größe\n".encode()), path="notes.txt"),
          [{"name": "notes.txt", "type": "file", "path": "/home/user/notes.txt"}])
    check(sandbox.read("notes.txt").text, "größe\n")
    check(sandbox.read("~/notes.txt", user="user").text, "größe\n")


@case("files", "write of many, named by their parts")
def many_files(t):
    sandbox = t.sandbox()
    told = sandbox.write(*((f"many/{n} ü.txt", f"file {n}".encode()) for n in range(10)))
    check([entry["path"] for entry in told], [f"/home/user/many/{n} ü.txt" for n in range(10)])
    check(sandbox.read("many/7 ü.txt").text, "file 7")


@case("files", "as root")
def root_file(t):
    sandbox = t.sandbox()
    check(sandbox.write(("f", b"x"), path="f", user="root")[0]["path"], "/root/f")
    check(sandbox.run("sudo stat -c %U /root/f")[1], "root\n")


@case("files", "what is not there: 404 and not_found")
def no_file(t):
    sandbox = t.sandbox()
    fails(404, lambda: sandbox.read("gone"))
    fails("not_found", lambda: sandbox.call("filesystem.Filesystem/Stat", {"path": "gone"}))
    fails("not_found", lambda: sandbox.call("filesystem.Filesystem/ListDir", {"path": "gone", "depth": 1}))


@case("files", "stat, list, make_dir, rename, remove")
def tree(t):
    sandbox = t.sandbox()
    call = lambda method, **message: sandbox.call(f"filesystem.Filesystem/{method}", message)  # noqa: E731
    call("MakeDir", path="d/e")
    fails("already_exists", lambda: call("MakeDir", path="d/e"))
    sandbox.write(("d/f", b"1234"), path="d/f")
    entry = call("Stat", path="d/f")["entry"]
    check(tuple(entry[name] for name in ("name", "type", "path", "size", "mode", "permissions", "owner", "group")),
          ("f", "FILE_TYPE_FILE", "/home/user/d/f", "4", 0o644, "-rw-r--r--", "user", "user"))
    check(sorted((found["name"], found["type"]) for found in call("ListDir", path="d", depth=1)["entries"]),
          [("e", "FILE_TYPE_DIRECTORY"), ("f", "FILE_TYPE_FILE")])
    check(call("Move", source="d/f", destination="d/g")["entry"]["path"], "/home/user/d/g")
    call("Remove", path="d")
    call("Remove", path="d")
    fails("not_found", lambda: call("Stat", path="d"))


@case("files", "twenty megabytes, up and down")
def big_file(t):
    sandbox = t.sandbox()
    data = hashlib.sha256(b"warren").digest() * 625_000
    sandbox.write(("big", data), path="big")
    check(sandbox.run("sha256sum big")[1].split()[0], hashlib.sha256(data).hexdigest())
    check(sandbox.read("big", headers={"Accept-Encoding": "identity"}).body == data, True)


@case("files", "metadata")
def file_metadata(t):
    sandbox = t.sandbox()
    told = sandbox.write(("f", b"x"), path="f", headers={"X-Metadata-Author": "Ada"})
    check(told[0]["metadata"], {"author": "Ada"})
    check(sandbox.call("filesystem.Filesystem/Stat", {"path": "f"})["entry"]["metadata"], {"author": "Ada"})


# ---- Watches

def poll(sandbox, watcher, wanted):
    seen = []

    def found():
        told = sandbox.call("filesystem.Filesystem/GetWatcherEvents", {"watcherId": watcher})
        seen.extend((event["type"], event["name"]) for event in told.get("events", []))
        return all(event in seen for event in wanted)
    until(found)
    return seen


@case("watching directories", "the polled watcher of the synchronous SDK")
def watcher(t):
    sandbox = t.sandbox()
    sandbox.call("filesystem.Filesystem/MakeDir", {"path": "d"})
    made = sandbox.call("filesystem.Filesystem/CreateWatcher", {"path": "d", "recursive": False},
                        headers={"Keepalive-Ping-Interval": "50"})["watcherId"]
    sandbox.run("cd d; : >f; echo x >>f; chmod 600 f; mv f g; rm g")
    poll(sandbox, made, [("EVENT_TYPE_CREATE", "f"), ("EVENT_TYPE_WRITE", "f"), ("EVENT_TYPE_CHMOD", "f"),
                         ("EVENT_TYPE_RENAME", "f"), ("EVENT_TYPE_REMOVE", "g")])
    # What was given once is not given again.
    check(sandbox.call("filesystem.Filesystem/GetWatcherEvents", {"watcherId": made}).get("events", []), [])
    sandbox.call("filesystem.Filesystem/RemoveWatcher", {"watcherId": made})
    fails("not_found", lambda: sandbox.call("filesystem.Filesystem/GetWatcherEvents", {"watcherId": made}))


@case("watching directories", "polled, recursive, with entries")
def deep_watcher(t):
    sandbox = t.sandbox()
    sandbox.call("filesystem.Filesystem/MakeDir", {"path": "d/sub"})
    made = sandbox.call("filesystem.Filesystem/CreateWatcher", {"path": "d", "recursive": True, "includeEntry": True})["watcherId"]
    sandbox.write(("d/sub/f", b"1234"), path="d/sub/f")
    poll(sandbox, made, [("EVENT_TYPE_CREATE", "sub/f"), ("EVENT_TYPE_WRITE", "sub/f")])
    sandbox.call("filesystem.Filesystem/RemoveWatcher", {"watcherId": made})


@case("watching directories", "polled, of what is not there, and of a file")
def no_watcher(t):
    sandbox = t.sandbox()
    fails("not_found", lambda: sandbox.call("filesystem.Filesystem/CreateWatcher", {"path": "gone"}))
    sandbox.write(("f", b"x"), path="f")
    fails("invalid_argument", lambda: sandbox.call("filesystem.Filesystem/CreateWatcher", {"path": "f"}))


@case("watching directories", "the stream of the asynchronous SDK")
def watch_stream(t):
    sandbox = t.sandbox()
    sandbox.call("filesystem.Filesystem/MakeDir", {"path": "d"})
    events = sandbox.stream("filesystem.Filesystem/WatchDir", {"path": "d", "recursive": False})
    assert "start" in next(events)
    sandbox.write(("d/f", b"x"), path="d/f")
    event = next(event for event in events if "filesystem" in event)
    check((event["filesystem"]["type"], event["filesystem"]["name"]), ("EVENT_TYPE_CREATE", "f"))
    events.close()


@case("signed URLs", "signatures as signature.py makes them")
def signed(t):
    sandbox = t.sandbox()
    sandbox.write(("f", b"hello"), path="f")

    def fetch(expiration, user=""):
        raw = f"f:read:{user}:{sandbox.token}" + (f":{expiration}" if expiration else "")
        signature = "v1_" + base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode().rstrip("=")
        query = {"path": "f", "signature": signature} | ({"signature_expiration": expiration} if expiration else {})
        return t.api.send("GET", "/files?" + urllib.parse.urlencode(query))
    check(fetch(None).text, "hello")
    check(fetch(int(time.time()) + 600).text, "hello")
    expired = fetch(int(time.time()) - 60)
    check((expired.status, expired.json()["message"]), (401, "signature is already expired"))
    check(fetch(None, user="root").status, 401)


# ---- Code interpreter

def of(events, kind):
    return [event for event in events if event["type"] == kind]


@case("running code", "results, output, errors, counts")
def run_code(t):
    sandbox = t.code(envVars={"WHO": "sandbox"})
    events = sandbox.run_code("import sys\nprint('größe 😀')\nprint('err', file=sys.stderr)\n6 * 7")
    check([event["execution_count"] for event in of(events, "number_of_executions")], [1])
    check("".join(event["text"] for event in of(events, "stdout")), "größe 😀\n")
    check("".join(event["text"] for event in of(events, "stderr")), "err\n")
    result = of(events, "result")[0]
    check((result["text"], result["is_main_result"]), ("42", True))
    error = of(sandbox.run_code("1/0"), "error")[0]
    check((error["name"], error["value"]), ("ZeroDivisionError", "division by zero"))
    assert "ZeroDivisionError" in error["traceback"]
    check(of(sandbox.run_code("import os; os.environ['WHO']", envs={"WHO": "call"}), "result")[0]["text"], "call")
    check(of(sandbox.run_code("os.environ['WHO']"), "result")[0]["text"], "sandbox")


@case("running code", "answers are ASCII, a line an event")
def ascii_lines(t):
    sandbox = t.code()
    body = {"code": "print('ü😀')", "context_id": None, "language": None, "env_vars": None}
    answer = sandbox.interpreter("POST", "/execute", body)
    answer.body.decode("ascii")
    assert all(answer.text.splitlines()), "there is an empty line"


@case("contexts", "create, list, restart, remove")
def contexts(t):
    sandbox = t.code()
    made = sandbox.interpreter("POST", "/contexts", {"language": "python", "cwd": "/tmp"}).check().json()
    check((made["language"], made["cwd"]), ("python", "/tmp"))
    check(of(sandbox.run_code("import os; os.getcwd()", context=made["id"]), "result")[0]["text"], "/tmp")
    assert made["id"] in [found["id"] for found in sandbox.interpreter("GET", "/contexts").check().json()]
    sandbox.interpreter("POST", f"/contexts/{made['id']}/restart").check()
    check(of(sandbox.run_code("os", context=made["id"]), "error")[0]["name"], "NameError")
    sandbox.interpreter("DELETE", f"/contexts/{made['id']}").check()
    check(sandbox.interpreter("POST", "/execute", {"code": "1", "context_id": made["id"]}).status, 404)


def main():
    results = []
    for capability, title, body in CASES:
        place = Place()
        start = time.monotonic()
        outcome, reason = "passed", ""
        try:
            body(place)
        except Exception as error:  # Whatever it is: the others are run all the same.
            outcome, reason = "failed", f"{type(error).__name__}: {error}"[:600]
        try:
            place.close()
        except Exception as error:
            outcome, reason = "failed", reason or f"its sandboxes: {error}"
        spent = round((time.monotonic() - start) * 1000)
        results.append({"capability": capability, "case": title, "outcome": outcome, "reason": reason, "ms": spent})
        print(f"{outcome:14} {spent:6} ms  {capability}: {title}{reason and ': ' + reason}", file=sys.stderr, flush=True)
    json.dump({"e2b": VERSION, "results": results}, sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
