# What a dump that stays needs stays as well, whatever the rules say.

. "$CASES/lib.sh"
s3put -q --make-bucket
for dump in 0:2019-01-01 1:2019-01-02 2:2019-01-03 1:2019-01-04 0:2019-02-01 1:2019-02-02 2:2019-02-03; do
    echo "$dump" | s3put -q --host ember --date "${dump#*:}" /home "${dump%:*}" | jq -r .key
done
plan() {
    echo "$ s3prune $*"
    s3prune --host ember --trust-dates "$@"
    ends
}

plan --keep-last 1
plan --keep-last 4
plan --keep-last 1 --per-level
plan --keep-within 3d

now 'a chain whose full dump is gone is nobody'"'"'s backup; the one that can be restored stays'
s3prune -q --host ember --force --delete --date 2019-02-01 /home 0
plan --keep-last 1
s3prune -q --host ember --force --delete --date 2019-01-01 /home 0
plan --keep-last 1
