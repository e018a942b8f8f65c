# on: file s3serve radosgw
# With --delete the plan is carried out: keys that are gone on standard output, and nothing else is touched.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
for dump in 0:2019-01-01 1:2019-01-02 0:2019-02-01 1:2019-02-02; do
    for host in ember attic; do
        echo "$dump" | s3put -q --host "$host" --date "${dump#*:}" /home "${dump%:*}" >/dev/null
    done
done
# Older generations go with all of their pieces.
for number in 0 1 2; do
    echo 'piece' | older "ember:/home:0:2012-01-01:$number"
    echo 'chunk' | older "ember:/home:0:2017-01-01/chunk_00000$number"
done
echo 'note' | s3put -q -k ember:note >/dev/null

s3prune -q --host ember --trust-dates --keep-last 2 --delete
ends
s3ls -q -a
s3prune -q --host ember --trust-dates --keep-last 2 --delete
ends

now 'all hosts'
s3prune -q -a --trust-dates --keep-last 1 --delete -j | jq -c '[.key, .action]'
s3ls -q -a -0 | tr '\0' '\n'
