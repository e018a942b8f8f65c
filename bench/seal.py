"""Sealing and opening, side by side with what people use today.

Programs read a file in memory and write into a pipe that `cat` drains, which is not counted. CPU seconds are those of
the program and what it started. What is sealed is incompressible once, and a source tree once.
"""

import os
import shlex
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import Failed, measure
from places import BUCKET

MIB = 1 << 20
# GB/s of one stream, sealed into a pipe and opened into one, on two idle cores of a server of 2023; and of a source tree
# into a store that costs nothing.
GOALS = {"seal": 1.6, "open": 1.7, "tar": 0.45}
PASSPHRASE = "only for measuring"


@dataclass
class Sealer:
    """A program that seals standard input and opens it again, without compressing unless it says so."""

    name: str
    seal: str
    open: str


def say(text):
    print(text, file=sys.stderr, flush=True)


def keys(folder, tools):
    """An identity of age, its recipient, a passphrase."""
    text = subprocess.run([tools / "s3seal", "-q", "--keygen"], check=True, capture_output=True, text=True).stdout
    identity, word = folder / "identity", folder / "passphrase"
    identity.touch(mode=0o600)
    identity.write_text(text)
    word.touch(mode=0o600)
    word.write_text(PASSPHRASE)
    return identity, text.split()[3], word


def sealers(folder, tools):
    identity, recipient, word = keys(folder, tools)
    s3seal = shlex.quote(str(tools / "s3seal"))
    gpg = f"gpg -q --batch --homedir {shlex.quote(str(folder))} --pinentry-mode loopback --passphrase-file {word}"
    openssl = f"openssl enc -chacha20 -pbkdf2 -pass file:{word}"
    return [
        Sealer("s3seal -z none", f"{s3seal} -z none -r {recipient}", f"{s3seal} -d -i {identity}"),
        Sealer("s3seal", f"{s3seal} -r {recipient}", f"{s3seal} -d -i {identity}"),
        Sealer("age", f"age -r {recipient}", f"age -d -i {identity}"),
        Sealer("rage", f"rage -r {recipient}", f"rage -d -i {identity}"),
        Sealer("zstd, age", f"zstd -q -3 -T0 | age -r {recipient}", f"age -d -i {identity} | zstd -d"),
        Sealer("gpg -c, no compression", f"{gpg} -c -z 0 -o -", f"{gpg} -d"),
        Sealer("openssl chacha20, no MAC", openssl, f"{openssl} -d"),
    ]


def missing(command, path):
    words = [part.split()[0] for part in command.split(" | ")]
    return [word for word in words if not shutil.which(word, path=path)]


def shell(command, source):
    # A single program takes the shell's place.
    command = command if " | " in command else f"exec {command}"
    return ["sh", "-c", f"exec <{shlex.quote(str(source))}; {command}"]


def table(title, size, rounds, samples):
    print(f"\n### {title}, {size // MIB} MiB, medians of {rounds}\n")
    print("| | wall s | GB/s | CPU s/GB | peak RSS MiB |")
    print("|---|---|---|---|---|")
    speed = {}
    for name, runs in samples.items():
        wall, cpu, rss = (statistics.median(getattr(run, what) for run in runs) for what in ("wall", "cpu", "rss"))
        speed[name] = size / wall / 1e9
        print(f"| {name} | {wall:.2f} | {speed[name]:.2f} | {cpu / size * 1e9:.2f} | {rss:.0f} |")
    sys.stdout.flush()
    return speed


def rounds_of(title, rounds, programs, once):
    """Interleaved; the first round isn't counted. A program that fails once is left out."""
    samples = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name in list(samples):
            say(f"{title}: {number}/{rounds} {name}")
            try:
                sample = once(name)
            except Failed as failure:
                say(f"SKIPPED: {title} with {name}: {failure}")
                del samples[name]
                continue
            if number > 0:
                samples[name].append(sample)
    return samples


def verdict(what, speed):
    met = "met" if speed >= GOALS[what] else "MISSED"
    print(f"\nGoal: at least {GOALS[what]:.2f} GB/s on two idle cores: {speed:.2f}, {met}.")


def through_pipes(title, folder, programs, data, rounds, env):
    """Seals a file, and opens what each made."""
    size = data.stat().st_size
    cat = ["cat"]
    samples = rounds_of(f"seal {title}", rounds, programs, lambda name: measure(shell(programs[name].seal, data), env, drain=cat))
    sealed_speed = table(f"seal: {title}", size, rounds, samples)
    sealed = {}
    for name in samples:
        sealed[name] = folder / f"sealed-{len(sealed)}"
        with open(sealed[name], "wb") as target:
            subprocess.run(shell(programs[name].seal, data), env=env, stdout=target, check=True)
    samples = rounds_of(f"open {title}", rounds, sealed, lambda name: measure(shell(programs[name].open, sealed[name]), env, drain=cat))
    opened_speed = table(f"open: {title}", size, rounds, samples)
    for path in sealed.values():
        path.unlink()
    return sealed_speed, opened_speed


def source_tree(path, most):
    """A tar of source code: the sources of crates, if they are here."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry" / "src"
    tree = cargo if cargo.is_dir() else Path(__file__).parent.parent
    with open(path, "wb") as target:
        tar = subprocess.Popen(["tar", "c", "-C", tree, "."], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        subprocess.run(["head", "-c", str(most)], stdin=tar.stdout, stdout=target, check=True)
        tar.stdout.close()
        tar.wait()


def whole_lines(folder, tools, data, rounds, sink):
    """From a tar to a store that costs nothing: our line, and the usual one."""
    _, recipient, _ = keys(folder, tools)
    s3seal, s3put = tools / "s3seal", tools / "s3put"
    lines = {
        "s3seal, s3put": f"{s3seal} -r {recipient} | {s3put} -q -b s3://{BUCKET} -k line-$$",
        "zstd -3 -T0, age, s3put": f"zstd -q -3 -T0 | age -r {recipient} | {s3put} -q -b s3://{BUCKET} -k line-$$",
        "zstd, age, aws": f"zstd -q -3 | age -r {recipient} | aws s3 cp - s3://{BUCKET}/line",
        "zstd -3 -T0 alone": "zstd -q -3 -T0",
    }
    lines = {name: line for name, line in lines.items() if not missing(line, sink.env["PATH"])}
    samples = rounds_of("line", rounds, lines, lambda name: measure(shell(lines[name], data), sink.env, pids=sink.pids))
    return table("a source tree to the null sink", data.stat().st_size, rounds, samples)


def random_bytes(path, size):
    """Really random: what repeats after a MiB, a compressor finds."""
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def section(tools, scratch, size, rounds, sink):
    """All of it, with streams of `size` bytes; `sink` is a place to put to."""
    folder = scratch / "seal"
    folder.mkdir(mode=0o700)
    env, programs = sink.env, {}
    for sealer in sealers(folder, tools):
        lacking = missing(sealer.seal, env["PATH"])
        if lacking:
            say(f"SKIPPED: {sealer.name}: not installed: {' '.join(lacking)}")
        else:
            programs[sealer.name] = sealer
    data = folder / "random"
    random_bytes(data, size)
    seal, opened = through_pipes("incompressible", folder, programs, data, rounds, env)
    verdict("seal", seal["s3seal -z none"])
    verdict("open", opened["s3seal -z none"])
    tree = folder / "tree"
    data.unlink()
    source_tree(tree, size)
    packing = {name: programs[name] for name in ("s3seal", "zstd, age") if name in programs}
    through_pipes("a source tree", folder, packing, tree, rounds, env)
    line = whole_lines(folder, tools, tree, rounds, sink)
    verdict("tar", line["s3seal, s3put"])
    shutil.rmtree(folder)
