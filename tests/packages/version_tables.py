#!/usr/bin/python3
"""Makes versions.txt and specifiers.txt, what version_test.cc and version_specifier_test.cc compare with, of what pip itself has:

    tests/packages/version_tables.py versions > tests/packages/versions.txt
    tests/packages/version_tables.py specifiers > tests/packages/specifiers.txt

pip's packaging 21.3 and 24.1 make the same of them. Where they differ (zeros that neither wrote, as of "1a1" for "==1.0.*"),
version_specifier_test.cc says what PEP 440 does.
"""
import itertools
import sys

from pip._vendor.packaging.specifiers import Specifier, SpecifierSet
from pip._vendor.packaging.version import Version

VERSIONS = """
0 0.0 0.0.0.dev0 0.1 0.0.1 1 1.0 1.0.0 v1.0 1.00 1.0.dev1 1.0.dev0 1.0dev 1.0.DEV2 1.0-dev_3 1.0a 1.0a0 1.0a1 1.0-alpha.1
1.0ALPHA1 1.0a2.dev456 1.0a2 1.0a10 1.0.a1.post2 1.0a1.post1.dev3 1.0b1 1.0.beta-2 1.0b2.post345.dev456 1.0b2.post345 1.0c1
1.0rc1 1.0-RC_1 1.0pre1 1.0preview1 1.0rc1.dev456 1.0rc2 1.0.post456.dev34 1.0.post456 1.0-1 1.0.rev2 1.0r3 1.0post 1.0.post-
1.0a- 1.0a--1 1.0+abc.5 1.0+abc.7 1.0+5 1.0+ubuntu-1 1.0+ubuntu_01 1.0+1.a 1.0+10 1.0+9 1.0+abc 1.0.1+local 1.1.dev1 1.1
1.2+123abc 1.2+123abc456 1.2+abc 1.2+abc123 1.2+1234.abc 1.2+123456 1.2.r32+123456 1.2.rev33+123456 1.10 1.9 1!0 1!0.1a1 2!0
0!5 2024.1.15 18446744073709551615
""".split()

# Specifiers, and versions that each is tried with, beside COMMON.
COMMON = ["1.4.2", "2.0"]
SPECIFIERS = {
    "": ["0", "1.0a1", "1.0+x"],
    ">=1.24,<3": ["1.24", "1.24.0.dev1", "1.23.9", "2.9.9", "3.0", "3.0a1", "2.0.post1", "1!2.0"],
    ">=1.24": ["1.24rc1", "1.24+x", "1.24.post1", "1.9"],
    "> 1.7": ["1.7", "1.7.0", "1.7.1", "1.7.0.post1", "1.7.post1", "1.7+x", "1.7.1+x", "1.7.1.post1", "1.8a1"],
    ">1.7.post2": ["1.7.1", "1.7.0", "1.7.post2", "1.7.0.post3", "1.7.post2+x"],
    "<3.1": ["3.1.dev0", "3.0.dev0", "3.1a1", "3.1.0rc1", "3.1", "3.0.9", "3.0.post1", "3.0+x"],
    "<3.1rc2": ["3.1rc1", "3.1.dev0", "3.1rc2", "3.1rc2.dev1", "3.1"],
    "<=1.0": ["1.0", "1.0.0", "1.0+x", "1.0.post1", "1.0rc1", "1.0.1"],
    "==1.1": ["1.1", "1.1.0", "1.1+x", "1.1.post1", "1.1a1", "1.1.dev1", "v1.1"],
    "==1.1.post1": ["1.1.post1", "1.1-1", "1.1", "1.1.post1+x"],
    "==1.1+local.1": ["1.1+local.1", "1.1+LOCAL_01", "1.1", "1.1+local"],
    "== 1.1.*": ["1.1", "1.1.0", "1.1.7", "1.1a1", "1.1.post1", "1.1.dev1", "1.1+x", "1.10", "1.2", "1", "1!1.1"],
    "==1!2.*": ["1!2.5", "2.5", "1!3"],
    "==2.*": ["2", "2.0rc1", "2.1.post1", "20", "1.9"],
    "==2.0.0.*": ["2.0.0.1", "2", "2.0.1"],
    "!=1.5": ["1.5", "1.5.0", "1.5+x", "1.5.1", "1.5rc1"],
    "!=1.5+x": ["1.5+x", "1.5", "1.5+y"],
    "!=1.5.*": ["1.5", "1.5.3", "1.5a1", "1.5+x", "1.6", "1"],
    "~=2.2": ["2.2", "2.2.0", "2.3", "2.99", "3.0", "3.0.dev0", "2.1", "2.2rc1", "2.2.post1", "2.2+x", "2"],
    "~=1.4.5": ["1.4.5", "1.4.6", "1.4.50", "1.5", "1.4.4", "1.4"],
    "~=1.4.5a4": ["1.4.5a4", "1.4.5a3", "1.4.5", "1.4.9", "1.5.0"],
    "~=2.2.post3": ["2.2.post3", "2.2.post2", "2.3", "3.0", "2.2"],
    "~=2.2.0": ["2.2", "2.2.5", "2.3"],
    "~=1!2.0": ["1!2.0", "1!2.9", "1!3.0"],
    "===1.0": ["1.0", "1.0.0", "v1.0", "1.0+x", "1.00"],
    "===1.0RC1": ["1.0rc1", "1.0-c1", "1.0"],
    "===whatever": ["1.0"],
    ">=1, !=1.5.*, <2, !=1.7.1": ["1.5.1", "1.7.1", "1.7.2", "2.0a1", "1.0"],
    ">=1.0.dev5": ["1.0.dev5", "1.0.dev4", "1.0a1"],
    "<1!0": ["9999", "1!0", "1!0.dev1"],
}


def make_versions():
    print("# SPELLING NORMALIZED, in their order; \"=\" before one that is equal to the one above. Made by version_tables.py.")
    for _, group in itertools.groupby(sorted(VERSIONS, key=Version), key=Version):
        for i, spelling in enumerate(group):
            print("=" if i else "-", spelling, Version(spelling))


def make_specifiers():
    print("# SPECIFIER | VERSION | whether it fits, prereleases too. Made by version_tables.py.")
    for text, versions in SPECIFIERS.items():
        clauses = SpecifierSet(text)
        # 21.3 takes what it cannot read for an older kind.
        assert all(isinstance(clause, Specifier) for clause in clauses), text
        for version in versions + COMMON:
            fits = clauses.contains(Version(version), prereleases=True)
            print(text, "|", version, "|", "yes" if fits else "no")


if __name__ == "__main__":
    {"versions": make_versions, "specifiers": make_specifiers}[sys.argv[1]]()
