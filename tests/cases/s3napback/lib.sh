# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3napback/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
export TZ=UTC

# Days go by: what asks for the time, and whoever puts a time on what is stored, gets the one of `clock`. tar, gpg and the
# databases keep the real one, because the file system does. A server has a clock of its own, which it compares: a case
# on one sets FAKED=date, and its days are not far from today.
mkdir -p clock state
fake=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || echo 'SKIPPED: not installed: libfaketime'
for tool in ${FAKED:-date s3put s3get s3ls s3prune}; do
    printf '#!/bin/sh\nFAKETIME=$CLOCK LD_PRELOAD=%s FAKETIME_DONT_FAKE_MONOTONIC=1 exec %s "$@"\n' "$fake" "$(command -v $tool)" >clock/$tool
    chmod +x clock/$tool
done
PATH=$PWD/clock:$PATH

# clock DATE [TIME]: it is now then, until told otherwise
clock() { export CLOCK="$1 ${2:-03:10:00}"; }
clock 2026-03-20

# A configuration begins with these lines.
start() {
    printf 'DiffDir %s/state\nHost ember\n' "$PWD"
}

# napback ARGUMENT...: with the configuration of the case; sizes that depend on times and versions are masked
napback() {
    s3napback -c conf "$@" 2>&1 | sed 's/, [0-9.]*[KM]\?: ember:/, SIZE: ember:/'
    return "${PIPESTATUS[0]}"
}

# keys: what is stored
keys() { s3ls -q -0 --host ember | tr '\0' '\n'; }
