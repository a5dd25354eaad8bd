"""Files: whole ones, parts, directories, watches."""

import os

from contract import case, warren


@case("files")
def written_and_read(t):
    files = t.sandbox().files
    entry = files.write("a/b.txt", "grün")
    t.assertEqual((entry.path, entry.size_bytes, entry.owner), ("/home/user/a/b.txt", 5, "user"))
    t.assertEqual((files.read_text("a/b.txt"), files.read("~/a/b.txt")), ("grün", "grün".encode()))
    files.write("a/b.txt", "")
    t.assertEqual(files.read("a/b.txt"), b"")


@case("files")
def code_sees_them(t):
    sandbox = t.sandbox()
    sandbox.files.write("in.txt", "6")
    sandbox.run_code("open('out.txt', 'w').write(open('in.txt').read() * 2)").raise_for_error()
    t.assertEqual(sandbox.files.read_text("out.txt"), "66")


@case("files")
def stat_and_exists(t):
    files = t.sandbox().files
    files.write("/tmp/a", "x")
    entry = files.stat("/tmp/a")
    t.assertEqual((entry.path, entry.name, entry.type, entry.size_bytes), ("/tmp/a", "a", warren.FileType.REGULAR, 1))
    t.assertTrue(files.exists("/tmp/a"))
    t.assertFalse(files.exists("/tmp/b"))


@case("files")
def a_list(t):
    files = t.sandbox().files
    files.write("d/e/f", "x")
    files.write("d/ä b", "x")
    t.assertEqual(sorted((entry.name, entry.type.value) for entry in files.list("d")), [("e", "directory"), ("ä b", "regular")])
    t.assertEqual(sorted(entry.path for entry in files.list("d", depth=2)),
                  ["/home/user/d/e", "/home/user/d/e/f", "/home/user/d/ä b"])


@case("files")
def directories(t):
    files = t.sandbox().files
    t.assertIs(files.make_directory("d/e").type, warren.FileType.DIRECTORY)
    with t.assertRaises(warren.AlreadyExists):
        files.make_directory("d/e")
    t.assertEqual([entry.name for entry in files.list("d")], ["e"])


@case("files")
def moved(t):
    files = t.sandbox().files
    files.write("a", "x")
    files.write("b", "y")
    t.assertEqual(files.move("a", "b").path, "/home/user/b")
    t.assertEqual((files.read("b"), files.exists("a")), (b"x", False))


@case("files")
def removed(t):
    files = t.sandbox().files
    files.write("d/a", "x")
    files.write("d/b", "x")
    files.remove("d/a")
    t.assertFalse(files.exists("d/a"))
    with t.assertRaises(warren.FailedPrecondition):
        files.remove("d")
    files.remove("d", recursive=True)
    t.assertFalse(files.exists("d"))


@case("files")
def what_cannot_be(t):
    files = t.sandbox().files
    for kind, call in ((warren.NotFound, lambda: files.read("none")), (warren.NotFound, lambda: files.remove("none")),
                       (warren.NotFound, lambda: files.move("none", "other")), (warren.NotFound, lambda: files.list("none")),
                       (warren.PermissionDenied, lambda: files.write("/etc/x", "x")),
                       (warren.FailedPrecondition, lambda: files.read("/tmp")),
                       (warren.InvalidArgument, lambda: files.read(""))):
        with t.assertRaises(kind):
            call()


@case("files")
def eight_megabytes(t):
    sandbox, data = t.sandbox(), os.urandom(8 << 20)
    sandbox.files.write("large", data)
    t.assertEqual(sandbox.processes.run("wc -c <large").check().stdout.strip(), str(len(data)))
    t.assertEqual(sandbox.files.read("large"), data)


@case("files")
def part_of_one_is_read(t):
    files = t.sandbox().files
    files.write("a", bytes(range(100)))
    t.assertEqual(files.read("a", offset=10, length=5), bytes(range(10, 15)))
    with t.assertRaises(warren.OutOfRange):
        files.read("a", offset=101)


@case("files", "files.parts")
def parts_are_written(t):
    files = t.sandbox().files
    files.write("a", "one")
    files.write("a", "two", append=True)
    files.write("a", "T", offset=3)
    t.assertEqual(files.read("a"), b"oneTwo")


@case("files", "files.parts")
def none_is_replaced(t):
    files = t.sandbox().files
    files.write("a", "x", exclusive=True)
    with t.assertRaises(warren.AlreadyExists):
        files.write("a", "y", exclusive=True)


@case("files", "files.attributes")
def extended_attributes(t):
    files = t.sandbox().files
    files.write("a", "x", attributes={"user.e2b.of": b"ada"})
    t.assertEqual(files.stat("a").attributes, {"user.e2b.of": b"ada"})


@case("files", "files.every_attribute")
def those_of_any_name(t):
    files = t.sandbox().files
    files.write("a", "x", attributes={"user.of": b"\xff\n"})
    t.assertEqual(files.stat("a").attributes, {"user.of": b"\xff\n"})


@case("files", "files.watch")
def a_watch(t):
    files = t.sandbox().files
    with files.watch("/tmp") as events:
        files.write("/tmp/a", "x")
        t.assertEqual(next(events).path, "/tmp/a")
        files.remove("/tmp/a")
        t.assertEqual(next(event.path for event in events if event.kind is warren.FileEventKind.REMOVED), "/tmp/a")


@case("files", "files.watch")
def a_watch_of_all_below(t):
    files = t.sandbox().files
    files.make_directory("/tmp/d/e")
    with files.watch("/tmp/d", recursive=True) as events:
        files.write("/tmp/d/e/a", "x")
        t.assertEqual(next(events).path, "/tmp/d/e/a")
