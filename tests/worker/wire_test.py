"""wire.py against protoc: what the one writes, the other reads."""

import os
import struct
import subprocess
import unittest

from driver import REPOSITORY, wire

PROTO = os.path.join(REPOSITORY, "proto")


def protoc(mode, message, data):
    """mode: "decode" (bytes -> text) or "encode" (text -> bytes)."""
    command = [
        "protoc",
        f"--{mode}=warren.internal.{message}",
        f"--proto_path={PROTO}",
        "warren/internal/worker.proto",
    ]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def canonical(text):
    """Text format as protoc prints it."""
    return protoc("decode", "WorkerEvent", protoc("encode", "WorkerEvent", text.encode())).decode()


class EventTest(unittest.TestCase):
    def check(self, execution_id, body, text):
        frame = wire.frame(wire.event_prefix(execution_id), body)
        self.assertEqual(struct.unpack("<I", frame[:4])[0], len(frame) - 4)
        self.assertEqual(protoc("decode", "WorkerEvent", frame[4:]).decode(), canonical(text))

    def test_ready(self):
        self.check(
            0, wire.ready(7, 123456789, 1), "ready { pid: 7 join_ns: 123456789 reseed_ns: 1 }"
        )

    def test_setup_failed(self):
        self.check(
            0, wire.setup_failed("setns", 22), 'setup_failed { stage: "setns" error_number: 22 }'
        )

    def test_display_with_parts_and_result(self):
        parts = [(b"text/plain", b"x" * 200), (b"image/png", b"\x89PNG\x00\xff")]
        text = f'parts {{ mime_type: "text/plain" data: "{"x" * 200}" }}'
        text += ' parts { mime_type: "image/png" data: "\\211PNG\\000\\377" }'
        self.check(
            300,
            wire.display(parts, True),
            f"execution_id: 300 display {{ {text} is_result: true }}",
        )
        self.check(300, wire.display(parts, False), f"execution_id: 300 display {{ {text} }}")

    def test_error(self):
        body = wire.error(b"ValueError", b"bad \xff", b"line 1\nline 2")
        text = 'error { name: "ValueError" value: "bad \\377" traceback: "line 1\\nline 2" }'
        self.check(2**64 - 1, body, f"execution_id: {2**64 - 1} {text}")

    def test_done(self):
        self.check(
            1, wire.done(wire.OK, 1), "execution_id: 1 done { outcome: OK execution_count: 1 }"
        )
        self.check(
            1,
            wire.done(wire.EXCEPTION, 200),
            "execution_id: 1 done { outcome: EXCEPTION execution_count: 200 }",
        )
        self.check(
            1,
            wire.done(wire.INTERRUPTED, 3),
            "execution_id: 1 done { outcome: INTERRUPTED execution_count: 3 }",
        )

    def test_chunks(self):
        for key, name in ((wire.STDOUT_DATA, "stdout_data"), (wire.STDERR_DATA, "stderr_data")):
            for size in (1, 127, 128, 20000):
                frame = wire.chunk_frame(wire.event_prefix(5), key, memoryview(b"a" * size))
                self.assertEqual(struct.unpack("<I", frame[:4])[0], len(frame) - 4)
                text = f'execution_id: 5 {name}: "{"a" * size}"'
                self.assertEqual(
                    protoc("decode", "WorkerEvent", frame[4:]).decode(), canonical(text)
                )


class RequestTest(unittest.TestCase):
    def test_decodes_what_protoc_encodes(self):
        data = protoc(
            "encode",
            "WorkerRequest",
            b'execution_id: 18446744073709551615 code: "print(1)\\n\\303\\244"',
        )
        self.assertEqual(wire.decode_request(data), (2**64 - 1, "print(1)\nä".encode()))

    def test_absent_fields_are_defaults(self):
        self.assertEqual(wire.decode_request(b""), (0, b""))

    def test_unknown_fields_are_skipped(self):
        known = protoc("encode", "WorkerRequest", b'execution_id: 3 code: "x"')
        unknown = b"\x78\x96\x01" + b"\x7a\x02hi" + b"\x79" + b"8" * 8 + b"\x7d" + b"4" * 4
        self.assertEqual(wire.decode_request(unknown + known + unknown), (3, b"x"))

    def test_every_cut_message_is_refused_or_shorter(self):
        data = protoc("encode", "WorkerRequest", b'execution_id: 300 code: "some code"')
        for size in range(len(data)):
            try:
                execution_id, code = wire.decode_request(data[:size])
            except wire.WireError:
                continue
            self.assertIn(execution_id, (0, 300))
            self.assertEqual(code, b"")

    def test_overlong_varint_is_refused(self):
        with self.assertRaises(wire.WireError):
            wire.decode_request(b"\x08" + b"\x80" * 10 + b"\x01")

    def test_unknown_wire_type_is_refused(self):
        with self.assertRaises(wire.WireError):
            wire.decode_request(b"\x0b\x00")


if __name__ == "__main__":
    unittest.main()
