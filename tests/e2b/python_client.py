"""What E2B's Python SDK 2.45.1 and code interpreter 2.9 send: the requests as these build them, by http.client. The SDK itself
is not here: what is asked and how is read off its source, what comes back is judged as that would.

Control plane: httpx, HTTP/1.1, v1 endpoints. envd: connectrpc over pyqwest, Connect with JSON and without compression. Files:
httpx, multipart. Code interpreter: httpx, a line of JSON an event.
"""

import base64
import http.client
import json
import os
import platform
import struct
import urllib.parse

VERSION = "2.45.1"
AGENT = {"User-Agent": f"e2b-python-sdk/{VERSION}"}
# Of every httpx client.
HTTPX = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate, br, zstd", "Connection": "keep-alive"}
IDENTITY = {
    "lang": "python", "lang_version": platform.python_version(), "machine": platform.machine(), "os": platform.platform(),
    "package_version": VERSION, "processor": platform.processor(), "publisher": "e2b", "release": platform.release(),
    "sdk_runtime": "python", "system": platform.system(),
}
ENVD, INTERPRETER = 49983, 49999


class Failed(Exception):
    """An answer that the SDK makes an exception of. code: HTTP's status, or Connect's code."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def check(self):
        """Itself, where it is a success."""
        if self.status >= 400:
            try:
                told = json.loads(self.body)
            except ValueError:
                told = {}
            raise Failed(told.get("code", self.status) if isinstance(told, dict) else self.status,
                         told.get("message", self.text) if isinstance(told, dict) else self.text)
        return self


class Api:
    """The server that E2B_API_URL and E2B_SANDBOX_URL name."""

    def __init__(self, key=None, timeout=120):
        self.url = urllib.parse.urlsplit(os.environ["E2B_API_URL"])
        self.key = key or os.environ["E2B_API_KEY"]
        self.timeout = timeout

    def connect(self):
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=self.timeout)

    def send(self, method, path, body=None, headers=()):
        """One request, and the whole answer."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def control(self, method, path, body=None, query=None):
        headers = HTTPX | IDENTITY | AGENT | {"X-API-KEY": self.key}
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        if query:
            path += "?" + urllib.parse.urlencode(query)
        return self.send(method, path, data, headers)

    def create(self, template="base", **options):
        """Sandbox.create: what the SDK sends where nothing else is said."""
        body = {"templateID": template, "metadata": {}, "timeout": 300, "envVars": {}, "secure": True,
                "allow_internet_access": True} | options
        return Sandbox(self, self.control("POST", "/sandboxes", body).check().json())


class Sandbox:
    def __init__(self, api, made):
        self.api = api
        self.id = made["sandboxID"]
        self.made = made
        self.token = made.get("envdAccessToken")

    def kill(self):
        return self.api.control("DELETE", f"/sandboxes/{self.id}").status != 404

    def route(self, port):
        headers = {"E2b-Sandbox-Id": self.id, "E2b-Sandbox-Port": str(port)}
        return headers | ({"X-Access-Token": self.token} if self.token else {})

    @staticmethod
    def user(name):
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:".encode()).decode()} if name else {}

    # ---- envd, REST
    def rest(self, method, target, body=None, headers=(), /, **query):
        query = {name: value for name, value in query.items() if value is not None}
        return self.api.send(method, target + ("?" + urllib.parse.urlencode(query) if query else ""), body,
                             HTTPX | AGENT | self.route(ENVD) | dict(headers))

    def is_running(self):
        return self.rest("GET", "/health").status != 502

    def read(self, path, user=None, headers=()):
        return self.rest("GET", "/files", None, headers, path=path, username=user).check()

    def write(self, *files, path=None, user=None, headers=()):
        """files: (path, bytes). As httpx builds a form of them."""
        mark = "9b1de0e9c4fb4a0f8f4d5c6f7a8b9c0d"
        body = b""
        for name, data in files:
            escaped = name.replace("\\", "\\\\").replace('"', "%22").replace("\n", "%0A").replace("\r", "%0D")
            body += (f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n'
                     "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
        body += f"--{mark}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}"} | dict(headers)
        return self.rest("POST", "/files", body, headers, path=path, username=user).check().json()

    # ---- envd, Connect
    def _connect_headers(self, content, user, timeout, more):
        limit = {"connect-timeout-ms": str(timeout)} if timeout else {}
        return ({"content-type": content, "connect-protocol-version": "1", "accept-encoding": "identity"} | AGENT | self.route(ENVD)
                | limit | self.user(user) | dict(more))

    def call(self, method, message, user=None, timeout=60_000, headers=()):
        """A unary call: METHOD is "package.Service/Method"."""
        answer = self.api.send("POST", f"/{method}", json.dumps(message, separators=(",", ":")).encode(),
                               self._connect_headers("application/json", user, timeout, headers))
        if answer.headers.get("Content-Encoding"):
            raise AssertionError("the answer is compressed, which the SDK has not asked for")
        return answer.check().json()

    def stream(self, method, message, user=None, timeout=60_000):
        """A server stream: an iterator of its messages. Failed where it ends by an error."""
        data = json.dumps(message, separators=(",", ":")).encode()
        headers = self._connect_headers("application/connect+json", user, timeout, {"Keepalive-Ping-Interval": "50"})
        connection = self.api.connect()
        try:
            connection.request("POST", f"/{method}", struct.pack(">BI", 0, len(data)) + data, headers)
            response = connection.getresponse()
            if response.status != 200:
                Answer(response.status, response.headers, response.read()).check()
            while True:
                flag, length = struct.unpack(">BI", self._exactly(response, 5))
                told = json.loads(self._exactly(response, length))
                if flag & 2:
                    if "error" in told:
                        raise Failed(told["error"]["code"], told["error"].get("message", ""))
                    return
                yield told
        finally:
            connection.close()

    @staticmethod
    def _exactly(response, size):
        data = b""
        while len(data) < size:
            piece = response.read(size - len(data))
            if not piece:
                raise Failed("unavailable", "the stream ended amid a message")
            data += piece
        return data

    def start(self, command, user=None, timeout=60_000, stdin=False, **config):
        """commands.run(background=True): (pid, the events behind the first)."""
        message = {"process": {"cmd": "/bin/bash", "args": ["-l", "-c", command]} | config, "stdin": stdin}
        events = self.stream("process.Process/Start", message, user, timeout)
        return next(events)["event"]["start"]["pid"], events

    def run(self, command, **options):
        """commands.run: (exit code, standard output, standard error, the end's `error`)."""
        return self.result(self.start(command, **options)[1])

    @staticmethod
    def result(events):
        out, err, end = b"", b"", None
        for event in events:
            event = event["event"]
            data = event.get("data", {})
            out += base64.b64decode(data.get("stdout", ""))
            err += base64.b64decode(data.get("stderr", ""))
            end = event.get("end", end)
        if end is None:
            raise AssertionError("the process has no end")
        return end.get("exitCode", 0), out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), end.get("error", "")

    # ---- Code interpreter
    def interpreter(self, method, path, body=None):
        headers = HTTPX | {"User-Agent": "python-httpx/0.28.1"} | self.route(INTERPRETER)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self.api.send(method, path, data, headers)

    def run_code(self, code, language=None, context=None, envs=None):
        """run_code: its events."""
        body = {"code": code, "context_id": context, "language": language, "env_vars": envs}
        answer = self.interpreter("POST", "/execute", body).check()
        events = [json.loads(line) for line in answer.text.splitlines()]
        if events[-1]["type"] != "end_of_execution":
            raise AssertionError(f"the execution has no end, but {events[-1]}")
        return events
