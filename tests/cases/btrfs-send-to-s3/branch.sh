# needs: btrfs mkfs.btrfs mount flock pkill getfattr
# Branches: an epoch that begins from the last snapshot of another one; restored with what it needs of that by one
# command, to its end or to a date.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/home
seq 1000 >disk/home/numbers

# step NAME EPOCH [OPTION...]: one more line, and a dump; keeps what was there, and when
step() {
    echo "$1" >>disk/home/log
    what disk/home >"tree-$1"
    backup -q -s disk/home -e "${@:2}" || ends
    s3ls -q -j -a --no-checksum | jq -r '[.modified, .date] | @tsv' | sort | tail -n 1 | cut -f 2 | cut -d '~' -f 1 >"date-$1"
}
# compare NAME: the last snapshot that was restored, with the tree as it was after that step
compare() {
    local last
    last=$(find other -mindepth 1 -maxdepth 1 | sort | tail -n 1)
    what "$last" | cmp - "tree-$1" && echo "as after $1"
}
# Two epochs may have dumps of the same second: so moments have no numbers here.
undated() { plainly | sed -E 's/(DATE|SECONDS)[0-9]+/\1/g'; }
# empty: for the next restore
empty() { btrfs -q subvolume delete other/*; }

now 'a branch of nothing'
backup -e daily-2 -B monthly -s disk/home 2>&1 | undated
echo "exit ${PIPESTATUS[0]}"

now 'two of monthly, and a branch with two; both go on; and a branch of the branch'
step month-1 monthly
step month-2 monthly
step day-1 daily -B monthly
step day-2 daily -B monthly
step month-3 monthly
step day-3 daily -B monthly
step hour-1 hourly -B daily -d
step hour-2 hourly -B daily -d
step month-4 monthly
dumps | undated
for epoch in monthly daily hourly; do
    echo "$epoch:"
    snapshots "disk/home/.stream_backup_$epoch" | undated
done

now 'what a restore of each takes'
for epoch in monthly daily hourly; do
    echo "$epoch:"
    btrfs-send-to-s3 list -b "$S3_BUCKET" -p web -e "$epoch" --chain | undated
done

now 'the branch of the branch, keeping only the last'
restore -e hourly -s other -d 2>&1 | undated
compare hour-2
empty

now 'a branch, up to a moment; and then on from there to its end'
restore -q -e daily -s other --at "$(<date-day-2)"
compare day-2
restore -e daily -s other 2>&1 | undated
compare day-3
empty

now 'the epoch that it comes from, before and after it, and of a day'
restore -q -e monthly -s other --at "$(<date-month-2)"
compare month-2
restore -q -e monthly -s other --at="$(date -u +%F)"
compare month-4
empty

now 'before there was anything'
restore -q -e daily -s other --at 2001-01-01
ends
restore -q -e daily -s other --at "$(<date-month-2)"
ends
restore -q -e daily -s other --at yesterday
ends
restore -q -e weekly -s other
ends

now 'the table'
btrfs-send-to-s3 list -b "$S3_BUCKET" -p web | grep -o '^[a-z].*'
btrfs-send-to-s3 list -b "$S3_BUCKET" -p web -e daily | grep -o '^[a-z].*'
btrfs-send-to-s3 list -b "$S3_BUCKET" -p mail
ends

now 'what may go: not what a branch begins from, if the branch stays'
prune() { btrfs-send-to-s3 prune -b "$S3_BUCKET" -p web --host h "$@" 2>&1 | undated; echo "exit ${PIPESTATUS[0]}"; }
step month-0 monthly-2
step month-1 monthly-2
step day-1 daily-2 -B monthly-2
# A full dump, so that the chain before it may go
btrfs -q subvolume delete disk/home/.stream_backup_monthly/[0-9]* disk/home/.stream_backup_monthly-2/[0-9]*
step month-5 monthly
step month-2 monthly-2
s3prune -q --host h --keep-last 1 | undated
prune -- --keep-last 1
prune --delete -q -- --keep-last 1
dumps | undated
restore -q -e hourly -s other -d
compare hour-2
empty
prune --
prune -- --delete --keep-last 1

now 'without the dump that the branch begins from'
s3prune -q -k "$(s3ls -q -0 -a | tr '\0' '\n' | grep monthly:1)" --force --delete | undated
restore -q -e daily -s other 2>&1
ends
