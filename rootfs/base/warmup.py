# Run once in the zygote, after the imports; "# %%" starts a new cell. Nothing of it stays in a
# context's namespace: what stays is what it loaded on the way, so that the first cells of a context
# do not pay for it.
import collections, csv, datetime, hashlib, json, math, pathlib, random, re, statistics
import subprocess, textwrap, urllib.parse

json.loads(json.dumps({"a": [1, 2.5, None, "x"]}))
re.sub(r"(\w+)-(\d+)", r"\2", "abc-123")
datetime.datetime.now().isoformat()
hashlib.sha256(b"warm").hexdigest()
statistics.mean([1, 2, 3])
random.random()
# %%
subprocess.run(["/bin/true"], capture_output=True).returncode
# %%
sorted({word: len(word) for word in "a few warm words".split()}.items())
