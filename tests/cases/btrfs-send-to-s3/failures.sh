# needs: btrfs mkfs.btrfs mount flock pkill getfattr
# Backups that go wrong: no snapshot becomes a parent, and no dump appears, unless all of it is stored; and the next run
# goes on from the last that was.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/home
head -c 8000000 /dev/urandom >disk/home/random
mkdir bin
real=$(command -v btrfs)

# instead of btrfs send: what is on standard input, a script in which "$@" is what would run
instead() {
    # shellcheck disable=SC2016 # words of the script
    printf '#!/bin/bash\nreal=%q\n[ "$1" = send ] || exec "$real" "$@"\nset -- "$real" "$@"\n%s\n' "$real" "$(cat)" >bin/btrfs
    chmod +x bin/btrfs
}
# go [OPTION...]: a backup with what stands in bin, and what is left of it
go() {
    PATH=$PWD/bin:$PATH backup -e daily -s disk/home -q "$@" 2>&1 | sed -E '/^ +[0-9]+ Done /d; s/ +[0-9]+ Killed/ PID Killed/' | plainly
    echo "exit ${PIPESTATUS[0]}"
    snapshots disk/home/.stream_backup_daily
    dumps
    s3ls -q -a --uploads
}

backup -q -e daily -s disk/home

now 'btrfs send says something, and all is well: what it says is not in the stream'
head -c 2000000 /dev/urandom >>disk/home/random
# shellcheck disable=SC2016
echo 'echo "At subvol something" >&2; "$@"; code=$?; echo more >&2; exit $code' | instead
go

now 'btrfs send dies in the middle'
head -c 2000000 /dev/urandom >>disk/home/random
# shellcheck disable=SC2016
echo '"$@" | head -c 1000000; kill -KILL $$' | instead
go

now 'it writes all of it and fails at the end'
# shellcheck disable=SC2016
echo '"$@"; exit 1' | instead
go -d

now 'the run is ended by SIGTERM, by SIGHUP'
for signal in TERM HUP; do
    # The recipe is the parent of s3put, which is the parent of the shell that runs this; the last word never comes.
    # shellcheck disable=SC2016
    echo '"$@" | head -c 1000000; kill -'$signal' "$(<'"$PWD"'/pid)"; sleep 100 & echo $! >'"$PWD"'/sleeper; wait' | instead
    PATH=$PWD/bin:$PATH bash -c 'echo $$ >pid; exec btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" --host h -p web -r me.pub -e daily -s disk/home'
    ends
    kill "$(<sleeper)"
    snapshots disk/home/.stream_backup_daily
    dumps
    s3ls -q -a --uploads
done

now 'it is killed, and all its programs with it; the next run removes what was left, and goes on'
# shellcheck disable=SC2016
echo '"$@" | head -c 1000000; kill -KILL 0' | instead
(PATH=$PWD/bin:$PATH setsid -w btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" --host h -p web -r me.pub -e daily -s disk/home
    ends) 2>&1 | grep exit
snapshots disk/home/.stream_backup_daily
backup -e daily -s disk/home 2>&1 | plainly
snapshots disk/home/.stream_backup_daily

now 'a second run while the first is at work'
echo more >>disk/home/random
# shellcheck disable=SC2016
echo 'btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" --host h -p web -r me.pub -e daily -s '"$PWD"'/disk/home; echo "exit $?" >&2; "$@"' | instead
go

now 'or it waits, until the other one has ended'
rm bin/btrfs
exec 8<disk/home
flock 8
btrfs-send-to-s3 stream_backup --wait -q -b "$S3_BUCKET" --host h -p web -r me.pub -e daily -s disk/home 8<&- &
comes_true pgrep -x flock -P $! >/dev/null
exec 8<&-
wait $!
ends
snapshots disk/home/.stream_backup_daily

now 'the clock went back'
newest=$(find disk/home/.stream_backup_daily -maxdepth 1 -name '*-4')
future=disk/home/.stream_backup_daily/4000000000-4
mv "$newest" "$future"
TZ=UTC backup -q -e daily -s disk/home 2>&1 | sed 's/the clock says .*,/the clock says NOW,/'
echo "exit ${PIPESTATUS[0]}"
mv "$future" "$newest"

now 'the last snapshot is gone: the next one is relative to the one before'
echo lost >>disk/home/random
backup -q -e daily -s disk/home
btrfs -q subvolume delete disk/home/.stream_backup_daily/*-5
echo not lost >>disk/home/random
backup -q -e daily -s disk/home
snapshots disk/home/.stream_backup_daily
dumps

now 'what is stored can be restored, all of it'
backup -q -e daily -s disk/home -d
restore -q -e daily -s other
ends
snapshots other
what disk/home >tree
last=$(find other -mindepth 1 -maxdepth 1 | sort | tail -n 1)
what "$last" | cmp - tree && echo 'the same'
