"""Why pip found nothing, in words that say what would work."""

import re
import sys

import index
from pip._vendor.packaging import tags
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
from pip._vendor.packaging.utils import canonicalize_name, parse_wheel_filename
from pip._vendor.packaging.version import InvalidVersion
from report import Refused

_NO_MATCH = re.compile(r"No matching distribution found for (.+)")
_MAX_LINES = 20


def refusal(said, errors, requirements, pins):
    """What pip said, lines of standard output and the text of standard error, as a Refused."""
    lines = [_without_places(line) for line in errors.splitlines() if line.strip()]
    text = "\n".join(lines)
    if "DO NOT MATCH THE HASHES" in text:
        return Refused("hash", _part(lines, "THESE PACKAGES", "-"))
    if "--require-hashes mode" in text or "Invalid requirement" in text or "Invalid marker" in text:
        return Refused("invalid", _errors(lines))
    if "ResolutionImpossible" in text or "Cannot install" in text:
        message = next(line.removeprefix("ERROR: ") for line in lines if "Cannot install" in line)
        return Refused("conflict", _with_pins("\n".join([message, *_causes(said)]), pins))
    match = _NO_MATCH.search(text)
    if match:
        return _no_match(match.group(1).split(" (from ")[0].strip(), requirements, pins)
    return Refused("failed", _errors(lines) or "pip failed and did not say why")


def _errors(lines):
    said = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "\n".join((said or lines)[:_MAX_LINES])


def _part(lines, first, behind):
    start = next((i for i, line in enumerate(lines) if first in line), 0)
    end = next((i for i, line in enumerate(lines[start + 1:], start + 1) if line.startswith(behind)), len(lines))
    return "\n".join(line.removeprefix("ERROR: ") for line in lines[start:end][:_MAX_LINES])


def _causes(said):
    """The lines behind "The conflict is caused by:"."""
    said = list(said)
    if "The conflict is caused by:" not in said:
        return []
    behind = said[said.index("The conflict is caused by:") + 1:]
    end = next((i for i, line in enumerate(behind) if not line or line.startswith("To fix this")), len(behind))
    return [line.replace("The user requested (constraint)", "what is installed or constrained to is")
            .replace("The user requested", "what was asked for is") for line in behind[:end][:_MAX_LINES]]


def _without_places(line):
    """Without URLs and temporary files, which tell nobody anything."""
    line = re.sub(r" from http://\S+", "", line.strip())
    return re.sub(r" \(from (?:-[rc] )?(?:line \d+ of )?/\S+(?: \(line \d+\))?\)", "", line)


def _with_pins(message, pins):
    held = [pin for pin in pins if re.search(rf"\b{re.escape(pin.partition('==')[0])}\b", message)]
    if not held:
        return message
    return f"{message}\nThe template has loaded {', '.join(held)} already, and that cannot be replaced."


def _no_match(wanted, requirements, pins):
    try:
        requirement = Requirement(wanted)
    except InvalidRequirement:
        return Refused("missing", f"nothing on the index fits {wanted!r}")
    name = canonicalize_name(requirement.name)
    asked = any(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-") == name
                for line in requirements)
    needed = "" if asked else " (which what was asked for needs)"
    try:
        found = index.files(name)
    except Refused as refused:
        return Refused(refused.kind, refused.message + needed)
    pin = next((pin for pin in pins if canonicalize_name(pin.partition("==")[0]) == name), None)
    if pin is not None and not requirement.specifier.contains(pin.partition("==")[2], prereleases=True):
        return Refused("conflict", f"{wanted}{needed}: the template has loaded {pin} already, and that cannot be replaced")
    return Refused("missing", _what_there_is(requirement, found, needed))


def _what_there_is(requirement, found, needed):
    python = ".".join(map(str, sys.version_info[:3]))
    supported = set(tags.sys_tags())
    usable, fitting, others = set(), set(), set()
    for filename, requires in found:
        try:
            _, version, _, file_tags = parse_wheel_filename(filename)
            allowed = not requires or SpecifierSet(requires).contains(python, prereleases=True)
        except (ValueError, InvalidVersion, InvalidSpecifier):
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        if allowed and supported.intersection(file_tags):
            usable.add(version)
        elif fits:
            fitting.add(version)
            others.update(f"{tag.interpreter}-{tag.abi}-{tag.platform}" for tag in file_tags)
    wanted = f"{requirement.name}{requirement.specifier}{needed}"
    newest = f"the newest that it can use is {max(usable)}" if usable else "no version of it has one"
    if fitting:
        return (f"{wanted} has no wheel for this interpreter (Python {python}, {next(iter(tags.platform_tags()), 'linux')}); there "
                f"is one for {', '.join(sorted(others)[:4])}; {newest}")
    if usable:
        return f"no version of {requirement.name} fits {requirement.specifier}{needed}; {newest}"
    return f"{wanted} has no wheel on the index" if found else f"the index has no file of {wanted}"
