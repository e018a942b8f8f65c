"""Deduplicated backups of one real tree, side by side with what people use today.

Each program backs up the same tree into an empty store, again unchanged, again with one percent of its bytes changed,
restores the last one and deletes the older ones. All of it lies in memory, if there is room. Compression is zstd, at level 3 where it
can be chosen, and encryption is on. CPU seconds and peak RSS are those of all processes of a line: of RSS, the largest's.

What changes is what changes in real trees: some packages get other contents, all of their files. Beside it, without a
goal, one file in a hundred everywhere, which touches chunks everywhere.
"""

import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from measure import Failed, measure
from places import BUCKET, TOP, served

MIB = 1 << 20
# Where bench/install puts those that it builds.
PEERS = TOP / "target/bench-peers/bin"
# The tree must be real, and at least so large.
BYTES, FILES = 2_000_000_000, 100_000
WORD = "only for measuring"
# Ours to those of the program that is the best at this.
BEST = "bupstash"
RATIOS = {"first": 0.8, "restore": 0.8, "stored": 1.03}
# Seconds for an unchanged tree that is read again; MiB of the largest process; the part of the bytes that a change of
# one percent may send; how many times fewer requests than restic.
UNCHANGED, RSS, CHANGED, REQUESTS = 3.5, 256, 0.03, 20
STEPS = ["first", "unchanged", "changed", "scattered", "restore", "prune"]


@dataclass
class Program:
    """Lines of shell: {tree}, {store}, {out} and {number} are filled in."""

    name: str
    needs: list
    init: str
    backup: str
    restore: str
    prune: str
    env: dict = field(default_factory=dict)


def say(text):
    print(text, file=sys.stderr, flush=True)


def apart(work, *arguments):
    """Does what lists a whole tree in a process of its own: a program inherits the peak RSS of the one that starts it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(work, *arguments).result()


def roots():
    """Where real trees of many files are, on a machine that builds Rust."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    return [cargo / "registry/src", Path(sysroot), Path("/usr/share"), Path("/usr/lib/python3"), Path.home() / ".pyenv"]


def make_tree(tree):
    """Copies whole packages until there is enough; gives the number of files and bytes."""
    files = total = 0
    for root in roots():
        packages = sorted(path for path in (root.rglob("*") if root.name == "src" else root.iterdir()) if path.is_dir()) if root.is_dir() else []
        if root.name == "src":
            packages = [path for path in packages if path.parent.parent == root]
        for package in packages:
            if total >= BYTES and files >= FILES:
                return files, total
            target = tree / root.name / package.name
            shutil.copytree(package, target, symlinks=True, ignore_dangling_symlinks=True)
            found = [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()]
            files, total = files + len(found), total + sum(path.stat().st_size for path in found)
    return files, total


def rewrite(path):
    """Other bytes of the same kind: every seventh line goes to the end."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.chmod(0o644)
    path.write_bytes(b"".join(lines[number] for number in range(len(lines)) if number % 7) + b"".join(lines[::7]))


def change(tree, total, scattered):
    """Changes one percent of the tree, and gives how many bytes that was."""
    paths = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    if scattered:
        chosen = paths[50::100]
    else:
        packages = sorted({path.relative_to(tree).parts[:2] for path in paths})
        # Packages of a common size, spread over the tree.
        sizes = {package: 0 for package in packages}
        for path in paths:
            sizes[path.relative_to(tree).parts[:2]] += path.stat().st_size
        common = [package for package in packages if 200_000 < sizes[package] < total // 200]
        picked, bytes_ = set(), 0
        for package in common[len(common) // 20 :: max(1, len(common) // 20)]:
            if bytes_ >= total // 100:
                break
            picked.add(package)
            bytes_ += sizes[package]
        chosen = [path for path in paths if path.relative_to(tree).parts[:2] in picked]
    for path in chosen:
        rewrite(path)
    return sum(path.stat().st_size for path in chosen)


def programs(tools, folder):
    key = folder / "key"
    text = subprocess.run([tools / "s3seal", "-q", "--keygen"], check=True, capture_output=True, text=True).stdout
    key.touch(mode=0o600)
    key.write_text(text)
    recipient = text.split()[3]
    where = f"-q -b file://{{store}}/{BUCKET}"
    line = f"s3chunk -q --known {{store}}/known | s3seal -q -r {recipient} | s3put {where} --host h --date 2024-01-0{{number}} tree 0 | s3chunk -q --learn {{store}}/known >/dev/null"
    borg = {"BORG_PASSPHRASE": WORD, "BORG_BASE_DIR": str(folder / "borg"), "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
    restic = {"RESTIC_PASSWORD": WORD, "RESTIC_CACHE_DIR": str(folder / "restic-cache")}
    rustic = {"RUSTIC_PASSWORD": WORD, "RUSTIC_NO_CACHE": "true"}
    bupstash = {"BUPSTASH_KEY": str(folder / "bupstash.key"), "BUPSTASH_CACHE_DIR": str(folder / "bupstash-cache"), "HOME": str(folder)}
    return [
        Program(
            "s3pipes",
            ["tar"],
            f"mkdir {{store}} && s3put {where} --make-bucket",
            f"set -o pipefail; tar c -C {{tree}} . | {line}",
            f"set -o pipefail; s3get {where} --host h --date 2024-01-04 tree 0 | s3seal -q -d -i {key} | s3chunk -q -d | tar x -C {{out}}",
            f"s3prune {where} --keep-last 1 --no-grace --delete >/dev/null",
        ),
        Program(
            "bupstash",
            ["bupstash"],
            "bupstash init -r {store} && bupstash new-key -o $BUPSTASH_KEY",
            "bupstash put -q -r {store} number={number} {tree} >/dev/null",
            "bupstash restore -q -r {store} --into {out} number=4",
            "bupstash rm -q -r {store} number=1 >/dev/null && bupstash rm -q -r {store} number=2 >/dev/null && bupstash rm -q -r {store} number=3 >/dev/null && bupstash gc -q -r {store}",
            bupstash,
        ),
        Program(
            "restic",
            ["restic"],
            "restic -q init -r {store}",
            "restic -q -r {store} backup {tree}",
            "restic -q -r {store} restore latest --target {out}",
            "restic -q -r {store} forget --keep-last 1 --prune",
            restic,
        ),
        Program(
            "borg",
            ["borg"],
            "borg init -e repokey-blake2 {store}",
            "borg create -C zstd,3 {store}::{number} {tree}",
            "cd {out} && borg extract {store}::4",
            "borg prune --keep-last 1 {store} && { borg compact {store} 2>/dev/null || true; }",
            borg,
        ),
        Program(
            "rustic",
            ["rustic"],
            "rustic -r {store} init --set-compression 3 >/dev/null",
            "rustic -r {store} backup {tree} >/dev/null",
            "rustic -r {store} restore latest {out} >/dev/null",
            "rustic -r {store} forget --keep-last 1 --prune >/dev/null",
            rustic,
        ),
        Program(
            "tar, zstd -3 -T2",
            ["tar", "zstd"],
            "mkdir {store}",
            "tar c -C {tree} . | zstd -q -3 -T2 >{store}/{number}",
            "zstd -dcq {store}/4 | tar x -C {out}",
            "rm {store}/1 {store}/2 {store}/3",
        ),
    ]


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def same(tree, out, name):
    """Restored is what was backed up: names, contents, modes, times."""
    # Some programs restore below the name or the path that was backed up.
    for candidate in [out, *out.rglob(name)]:
        if candidate.is_dir() and {path.name for path in tree.iterdir()} <= {path.name for path in candidate.iterdir()}:
            subprocess.run(["rsync", "--version"], check=True, capture_output=True)
            told = subprocess.run(["rsync", "-rlptnci", "--delete", f"{tree}/", f"{candidate}/"], check=True, capture_output=True, text=True).stdout
            lines = [line for line in told.splitlines() if not re.match(r"\.d\.\.t", line)]
            if lines:
                raise Failed(f"restored something else: {lines[0]}")
            return
    raise Failed("restored nothing")


def life(program, folder, trees, env):
    """One life of a store, step by step: samples, and bytes stored after each."""
    store, out = folder / "store", folder / "out"
    # A life that failed may have left some.
    clear(program, folder)
    samples, stored = {}, {}

    def once(line, tree="first", number=1):
        filled = line
        for name, value in {"tree": trees[tree], "store": store, "out": out, "number": number}.items():
            filled = filled.replace("{" + name + "}", str(value))
        return measure(["bash", "-c", filled], env | program.env)

    once(program.init)
    before = apart(size, store)
    # All see the same path, as a tree that is backed up each day does; not by a link, which some back up as one.
    for number, step in enumerate(STEPS[:4], 1):
        tree = trees["first" if step == "unchanged" else step]
        tree.rename(trees["now"])
        try:
            samples[step] = once(program.backup, "now", number)
        finally:
            trees["now"].rename(tree)
        now = apart(size, store)
        stored[step], before = now - before, now
    out.mkdir()
    samples["restore"] = once(program.restore)
    apart(same, trees["scattered"], out, trees["now"].name)
    samples["prune"] = once(program.prune)
    stored["prune"] = apart(size, store)
    clear(program, folder)
    return samples, stored


def clear(program, folder):
    """Removes what a life leaves: the store, what was restored, caches and keys."""
    own = (Path(value) for name, value in program.env.items() if name != "HOME" and value.startswith(str(folder)))
    for path in (folder / "store", folder / "out", *own):
        if path.is_dir():
            subprocess.run(["chmod", "-R", "u+w", path], check=False)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def requests(tools, folder, tree, env, log):
    """Requests of a first backup through S3, by us and by restic, for each GiB that is stored."""
    root = folder / "root"
    (root / BUCKET).mkdir(parents=True)
    told = {}
    key = (folder / "key").read_text().split()[3]
    with served([TOP / "target/debug/s3serve", "--root", root, "--log", log, "--leash"]) as server:
        endpoint = server.stdout.readline().strip()
        where = {"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_REGION": "us-east-1"}
        lines = {
            "s3pipes": f"s3put -q -b s3://{BUCKET} --make-bucket; set -o pipefail; tar c -C {tree} . | s3chunk -q | s3seal -q -r {key} | s3put -q -b s3://{BUCKET} tree 0 >/dev/null",
            "restic": f"export RESTIC_PASSWORD='{WORD}'; restic -q -r s3:{endpoint}/{BUCKET}/restic init && restic -q -r s3:{endpoint}/{BUCKET}/restic backup {tree}",
        }
        for name, line in lines.items():
            before = len(log.read_text().splitlines()) if log.exists() else 0
            measure(["bash", "-c", line], env | where)
            told[name] = len(log.read_text().splitlines()) - before
    shutil.rmtree(root)
    return told


def section(tools, scratch, rounds, env):
    """All of it."""
    folder = scratch / "dedup"
    folder.mkdir(mode=0o700)
    trees = {step: folder / f"tree-{step}" for step in ("first", "changed", "scattered")}
    trees["now"] = folder / "tree"
    say("dedup: a tree")
    files, total = apart(make_tree, trees["first"])
    print(f"\n## Deduplicated backups\n\nThe tree: {files} files, {total / 1e9:.2f} GB. Medians of {rounds}.")
    if files < FILES or total < BYTES:
        print("It is smaller than it should be: not enough was found on this machine.")
    subprocess.run(["cp", "-a", trees["first"], trees["changed"]], check=True)
    changed = apart(change, trees["changed"], total, False)
    subprocess.run(["cp", "-a", trees["changed"], trees["scattered"]], check=True)
    scattered = apart(change, trees["scattered"], total, True)
    print(f"Changed: {changed / 1e6:.1f} MB in some packages; scattered: {scattered / 1e6:.1f} MB, one file in a hundred.")
    env = env | {"PATH": f"{tools}:{env['PATH']}:{PEERS}"}
    runs = {}
    for program in programs(tools, folder):
        lacking = [name for name in program.needs if not shutil.which(name, path=env["PATH"])]
        if lacking:
            say(f"SKIPPED: {program.name}: not installed: {' '.join(lacking)}")
        else:
            runs[program.name] = (program, [])
    for number in range(rounds):
        for name, (program, lives) in list(runs.items()):
            say(f"dedup: {number + 1}/{rounds} {name}")
            try:
                lives.append(life(program, folder, trees, env))
            except Failed as failure:
                if name == "s3pipes":
                    raise
                say(f"SKIPPED: dedup with {name}: {failure}")
                del runs[name]
    medians = {name: median(lives) for name, (_, lives) in runs.items()}
    table(medians)
    judge(medians, total)
    if shutil.which("restic", path=env["PATH"]):
        told = requests(tools, folder, trees["first"], env, folder / "log")
        print(f"\nRequests of a first backup to S3: s3pipes {told['s3pipes']}, restic {told['restic']}.")
        print(f"\nGoal: at least {REQUESTS} times fewer: {told['restic'] / told['s3pipes']:.1f}, {verdict(told['restic'] >= REQUESTS * told['s3pipes'])}.")
    shutil.rmtree(folder, ignore_errors=True)


def median(lives):
    steps = {}
    for step in STEPS:
        steps[step] = {what: statistics.median(getattr(samples[step], what) for samples, _ in lives) for what in ("wall", "cpu", "rss")}
        steps[step]["stored"] = statistics.median(stored.get(step, 0) for _, stored in lives)
    return steps


def table(medians):
    print("\nWall s / CPU s / MiB of the largest process; and MiB that were stored.\n")
    print("| | first | stored | unchanged | stored | 1 % changed | stored | scattered | stored | restore | prune | left |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, steps in medians.items():
        cells = []
        for step in STEPS:
            cells.append("{wall:.1f} / {cpu:.1f} / {rss:.0f}".format(**steps[step]))
            if step != "restore":
                cells.append(f"{steps[step]['stored'] / MIB:.1f}")
        print(f"| {name} | {' | '.join(cells)} |")
    sys.stdout.flush()


def verdict(met):
    return "met" if met else "MISSED"


def judge(medians, total):
    ours = medians["s3pipes"]
    goals = []
    if best := medians.get(BEST):
        for step in ("first", "restore"):
            for what in ("wall", "cpu"):
                if (step, what) != ("restore", "cpu"):
                    goals.append((f"{what} of {step} beside {BEST}", ours[step][what] / best[step][what], RATIOS[step]))
        goals.append((f"size beside {BEST}", ours["first"]["stored"] / best["first"]["stored"], RATIOS["stored"]))
    goals.append(("seconds, unchanged", ours["unchanged"]["wall"], UNCHANGED))
    goals.append(("part of the bytes that 1 % sends", ours["changed"]["stored"] / ours["first"]["stored"], CHANGED))
    goals.append(("MiB of the largest process", max(step["rss"] for step in ours.values()), RSS))
    print()
    for what, value, goal in goals:
        print(f"- {what}: at most {goal}: {value:.3f}, {verdict(value <= goal)}")
