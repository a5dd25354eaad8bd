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

    def test_output_file(self):
        self.check(
            3,
            wire.output_file(b"/a\xff", 1 << 40, b"d" * 32, b""),
            f'execution_id: 3 output_file {{ path: "/a\\377" size: {1 << 40} sha256: "{"d" * 32}" }}',
        )
        self.check(
            3,
            wire.output_file(b"/a", 0, b"", b"is a FIFO"),
            'execution_id: 3 output_file { path: "/a" size: 0 error: "is a FIFO" }',
        )

    def test_end_of_a_cell_with_files(self):
        rest = wire.output_files_incomplete("why" * 1000) + wire.NOT_RUN
        why = ("why" * 1000)[:1024]
        self.check(
            3,
            wire.done(wire.EXCEPTION, 4, rest),
            "execution_id: 3 done { outcome: EXCEPTION execution_count: 4 "
            f'output_files_incomplete: "{why}" not_run: true }}',
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
            wire.display(wire.display_body(parts, True)),
            f"execution_id: 300 display {{ {text} is_result: true }}",
        )
        self.check(
            300,
            wire.display(wire.display_body(parts, False)),
            f"execution_id: 300 display {{ {text} }}",
        )
        self.check(
            300,
            wire.display(wire.display_body(parts, False, b'{"a":1}', b"id", True)),
            f"execution_id: 300 display {{ {text} "
            'metadata_json: "{\\"a\\":1}" display_id: "id" update: true }',
        )

    def test_clear_output(self):
        self.check(1, wire.clear_output(False), "execution_id: 1 clear_output { }")
        self.check(1, wire.clear_output(True), "execution_id: 1 clear_output { wait: true }")

    def test_unimplemented(self):
        self.check(1, wire.unimplemented("x"), 'execution_id: 1 unimplemented { what: "x" }')
        self.check(
            1,
            wire.unimplemented("x", by_language=True),
            'execution_id: 1 unimplemented { what: "x" by_language: true }',
        )

    def test_configured(self):
        self.check(1, wire.configured(), "execution_id: 1 configured { }")
        self.check(
            1,
            wire.configured("language", 2),
            'execution_id: 1 configured { failed_step: "language" error_number: 2 }',
        )

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

    def test_done_with_values(self):
        display = wire.display_body([(b"text/plain", b"1")], False)
        values = wire.expression_value(b"a", display_body=display)
        values += wire.expression_value(b"b", error_body=wire.error_body(b"E", b"v", b"t"))
        self.check(
            1,
            wire.done(wire.OK, 1, values),
            "execution_id: 1 done { outcome: OK execution_count: 1 "
            'user_expressions { name: "a" display { parts { mime_type: "text/plain" data: "1" } } }'
            'user_expressions { name: "b" error { name: "E" value: "v" traceback: "t" } } }',
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


def encode(text):
    return protoc("encode", "WorkerRequest", text.encode())


class RequestTest(unittest.TestCase):
    def test_plain_cell(self):
        for number in (1, 127, 128, 2**64 - 1):
            for size in (1, 100, 200, 20000):
                code = "x" * size
                data = encode(f'execution_id: {number} execute {{ code: "{code}" }}')
                # The shorter way, and the one that everything can go.
                self.assertIsNotNone(wire._decode_plain(data))
                expected = (number, wire.EXECUTE, (code.encode(), None))
                self.assertEqual(wire.decode_request(data), expected)

    def test_text_that_is_not_ascii(self):
        data = encode('execution_id: 1 execute { code: "print(1)\\n\\303\\244" }')
        self.assertEqual(wire.decode_request(data)[2][0], "print(1)\nä".encode())

    def test_cell_with_everything(self):
        data = encode(
            'execution_id: 9 execute { code: "1" silent: true store_history: true '
            'user_expressions { name: "a" text: "b" } user_expressions { name: "c" } '
            'allow_stdin: true colors: true env { name: "N" text: "V" } '
            'input_files { path: "p" data: "\\000\\377" } input_files { path: "q" } '
            'output_files: "*" output_files: "**/a" display_style: CODE_INTERPRETER }'
        )
        execution_id, kind, (code, options) = wire.decode_request(data)
        self.assertEqual((execution_id, kind, code), (9, wire.EXECUTE, b"1"))
        self.assertEqual((options.silent, options.store_history), (True, True))
        self.assertEqual(options.expressions, [(b"a", b"b"), (b"c", b"")])
        self.assertEqual(options.env, [(b"N", b"V")])
        self.assertEqual(options.input_files, [(b"p", b"\0\xff"), (b"q", b"")])
        self.assertEqual(options.output_files, [b"*", b"**/a"])
        self.assertEqual(options.display_style, wire.CODE_INTERPRETER)
        self.assertTrue(options.allow_stdin and options.colors)
        self.assertFalse(options.counts)

    def test_which_cells_count(self):
        for text, counts in (
            ("colors: true", True),
            ("store_history: true", True),
            ("store_history: false", False),
            ("silent: true", False),
        ):
            _, _, (_, options) = wire.decode_request(encode(f"execute {{ {text} }}"))
            self.assertEqual(options.counts, counts, text)

    def test_every_other_kind_has_its_name(self):
        for number, name in wire.REQUEST_NAMES.items():
            data = encode(f"execution_id: 3 {name} {{ }}")
            execution_id, kind, _ = wire.decode_request(data)
            self.assertEqual((execution_id, kind), (3, number))

    def test_absent_fields_are_defaults(self):
        self.assertEqual(wire.decode_request(b""), (0, 0, b""))
        self.assertEqual(
            wire.decode_request(encode("execution_id: 1 execute { }")),
            (1, wire.EXECUTE, (b"", None)),
        )

    def test_unknown_fields_are_skipped_and_an_unknown_kind_is_told(self):
        known = encode('execution_id: 3 execute { code: "x" }')
        unknown = b"\x78\x96\x01" + b"\x79" + b"8" * 8 + b"\x7d" + b"4" * 4
        expected = (3, wire.EXECUTE, (b"x", None))
        self.assertEqual(wire.decode_request(unknown + known + unknown), expected)
        self.assertEqual(wire.decode_request(b"\x08\x03\x7a\x02hi"), (3, 15, b"hi"))

    def test_every_cut_message_is_refused_or_shorter(self):
        for text in ("", "silent: true"):
            data = encode(f'execution_id: 300 execute {{ code: "some code" {text} }}')
            for size in range(len(data)):
                try:
                    execution_id, kind, body = wire.decode_request(data[:size])
                except wire.WireError:
                    continue
                self.assertIn(execution_id, (0, 300))
                self.assertEqual((kind, body), (0, b""))

    def test_overlong_varint_is_refused(self):
        for data in (b"\x08" + b"\x80" * 10 + b"\x01", b"\x08\x01\x12" + b"\x80" * 11 + b"\x01"):
            with self.assertRaises(wire.WireError):
                wire.decode_request(data)

    def test_unknown_wire_type_is_refused(self):
        with self.assertRaises(wire.WireError):
            wire.decode_request(b"\x0b\x00")


if __name__ == "__main__":
    unittest.main()
