# needs: flock pkill
# The same for zfs. This is not ZFS: a script of that name stands in for it, which knows datasets, snapshots, streams that are
# relative to one, and refuses what ZFS refuses. What is tested is what the recipe asks for, in which order.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
key me
mkdir bin pool
cat >bin/zfs <<'END'
#!/bin/bash
# A dataset is a directory below pool; a snapshot of it is DATASET@NAME, with the snapshot's own number in .guid.
set -eu
cd "$POOL"
fail() { echo "cannot $*" >&2; exit 1; }
echo "$*" >>../calls
# shellcheck disable=SC2012 # names without line feeds, in the order in which they were made
latest() { ls -tr -d "$1"@* 2>/dev/null | tail -n 1; }
verb=$1; shift
case $verb in
    snapshot) [ -d "$1" ] && exit 1; [ -d "${1%@*}" ] || fail "open '${1%@*}': dataset does not exist"
        cp -r "${1%@*}" "$1"; echo "$RANDOM$RANDOM" >"$1/.guid" ;;
    rename) [ -d "$1" ] && [ ! -e "$2" ] || fail "rename $1"; mv "$1" "$2" ;;
    destroy) [ -d "$1" ] || fail "destroy $1"; rm -r "$1" ;;
    list) eval "name=\${$#}"
        if [[ $name == *@* ]]; then [ -d "$name" ] || fail "open '$name'"; echo "$name"
        else for one in "$name"@*; do [ ! -d "$one" ] || echo "$one"; done; fi ;;
    send) [ ! -e fail ] || fail 'send: I/O error'; from=full; if [ "$1" = -i ]; then from=$(<"$2/.guid"); shift 2; fi
        printf '%s\n%s\n' "${1#*@}" "$from"; tar -c -C "$1" . ;;
    receive) [ "$1" = -u ] && shift; read -r name; read -r from; last=$(latest "$1")
        if [ "$from" = full ]; then [ ! -e "$1" ] || fail 'receive: destination exists'
        else [ -n "$last" ] && [ "$(<"$last/.guid")" = "$from" ] || fail 'receive incremental stream: most recent snapshot does not match incremental source'; fi
        mkdir "$1@$name"; tar -x -C "$1@$name" || { rm -r "$1@$name"; fail 'receive: invalid stream'; }
        rm -rf "$1"; cp -r "$1@$name" "$1"; rm "$1/.guid" ;;
    *) fail "$verb" ;;
esac
END
chmod +x bin/zfs
export POOL=$PWD/pool XDG_RUNTIME_DIR=$PWD
PATH=$PWD/bin:$PATH
mkdir -p pool/tank/home
undated() { plainly | sed -E 's/(DATE|SECONDS)[0-9]+/\1/g'; }
go() { backup --zfs -s tank/home "$@" 2>&1 | undated; echo "exit ${PIPESTATUS[0]}"; }
asked() { undated <calls | grep -v ^list; : >calls; }

now 'a full one, and two increments; -d'
for number in 1 2 3; do
    echo "$number" >>pool/tank/home/log
    go -e monthly -d -q
done
asked
now 'a branch'
echo 4 >>pool/tank/home/log
go -e daily -B monthly
echo 5 >>pool/tank/home/log
go -e daily -B monthly -q
asked

now 'zfs send fails: the snapshot goes, and what is there stays'
touch pool/fail
go -e daily -q -d
rm pool/fail
asked

now 'restored'
btrfs-send-to-s3 restore_backup --zfs -b "$S3_BUCKET" -p web -i me.key -e daily -s tank/back -d 2>&1 | undated
echo "exit ${PIPESTATUS[0]}"
asked
cmp pool/tank/back/log <(seq 5) && echo 'the same'
now 'again'
btrfs-send-to-s3 restore_backup --zfs -b "$S3_BUCKET" -p web -i me.key -e daily -s tank/back 2>&1 | undated | tail -n 2

now 'a dataset that is not there'
backup --zfs -q -e daily -s tank/nothing 2>&1 | undated
echo "exit ${PIPESTATUS[0]}"
