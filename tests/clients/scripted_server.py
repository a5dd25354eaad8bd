"""A gRPC server that does what a test says: for what a real one does only when it fails, and for how the client says
things."""

import concurrent.futures
import os
import tempfile

import grpc

from python_client import warren
from warren._wire import methods
from warren.v1 import common_pb2, execution_pb2, process_pb2, sandbox_pb2

SANDBOX = sandbox_pb2.Sandbox(sandbox_id="sb1", state="RUNNING", default_context_id="default")


class ScriptedServer(grpc.GenericRpcHandler):
    """Answers each call of a name by a function(request or requests, context) of its own; others are UNIMPLEMENTED. Streams
    are generators. `calls` has the name and the request of each in order.

    Lifecycle: with ScriptedServer(ExecuteCode=function, ...) as server: clients of server.address.
    """

    def __init__(self, **answers):
        self.calls = []
        self._answers = {"CreateSandbox": lambda request, context: SANDBOX, "GetSandbox": lambda request, context: SANDBOX,
                         "DestroySandbox": lambda request, context: sandbox_pb2.DestroySandboxResponse(), **answers}
        self._methods = {method.path: method for method in vars(methods).values() if isinstance(method, methods.Method)}

    def requests(self, name):
        return [request for called, request in self.calls if called == name]

    def service(self, details):
        method = self._methods[details.method]
        answer = self._answers.get(method.name)
        if answer is None:
            return None
        make = {methods.Unary: grpc.unary_unary_rpc_method_handler, methods.ServerStream: grpc.unary_stream_rpc_method_handler,
                methods.ClientStream: grpc.stream_unary_rpc_method_handler}[type(method)]

        def called(request, context):
            self.calls.append((method.name, request))
            return answer(request, context)

        return make(called, method.request.FromString, method.response.SerializeToString)

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.address = "unix://" + os.path.join(self._folder.name, "socket")
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=(self,))
        self._server.add_insecure_port(self.address)
        self._server.start()
        return self

    def __exit__(self, *error):
        self._server.stop(None).wait()
        self._folder.cleanup()


def fail(context, code, details="as the test says"):
    context.abort(getattr(grpc.StatusCode, code), details)


def output(sequence, data):
    return execution_pb2.ExecutionEvent(sequence=sequence, output={"stream": "STDOUT", "data": data})


def started(sequence=1):
    return execution_pb2.ExecutionEvent(sequence=sequence, started={"execution_id": "ex1"})


def finished(sequence):
    return execution_pb2.ExecutionEvent(sequence=sequence, finished={"termination": {"kind": "EXITED"}})


def process_started():
    return process_pb2.ProcessEvent(started={"process_id": "p1", "pid": 7})


def process_output(data, stream="STDOUT"):
    return process_pb2.ProcessEvent(output={"stream": stream, "data": data})


def process_exited(exit_code=0):
    return process_pb2.ProcessEvent(exited={"termination": common_pb2.Termination(kind="EXITED", exit_code=exit_code)})


# No pauses that a test would have to wait for.
QUICK = warren.RetryPolicy(attempts=4, first_delay=0.001, max_delay=0.001)
