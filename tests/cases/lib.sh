# shellcheck shell=bash
# What the cases have in common. A case begins with:  . "$CASES/lib.sh"

# now SENTENCE: says what the commands up to the next one are about
now() { printf -- '--- %s\n' "$*"; }

# ends: says how the command before it ended
ends() { printf 'exit %s\n' "$?"; }

# comes_true COMMAND...: asks until the command succeeds; if it never does it says so, and the transcript differs
comes_true() {
    for _ in {1..2000}; do "$@" && return; done
    printf 'NEVER CAME TRUE: %s\n' "$*"
}

# tree DIR: makes a small tree, the same every time: names with spaces and line feeds, an empty file, a link, a hole
tree() {
    mkdir -p "$1/a/b/c" "$1/empty"
    printf 'hello\n' >"$1/hello"
    printf 'with a space\n' >"$1/a/with space"
    printf 'with a line feed\n' >"$1/a/b/line"$'\n'"feed"
    : >"$1/a/b/c/nothing"
    ln -s ../hello "$1/a/link"
    truncate -s 3M "$1/a/hole"
    seq 200000 >"$1/a/numbers"
    find "$1" -exec touch -h -d '2024-01-01 00:00:00Z' {} +
}

# pack DIR: a tar stream of DIR, the same every time
pack() { tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime=2024-01-01 -cf - .; }
