# on: file s3serve radosgw
# What looks like a piece of a dump that is one object is not one: no policy and no list touches it, its own key does.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
for date in 2019-01-01 2019-02-01 2019-03-01; do
    echo "$date" | s3put -q --host ember --date "$date" /home 0 >/dev/null
    echo 'stray' | older "ember:/home:0:$date:1"
done

now 'a policy removes the dump alone'
s3prune -q --host ember --trust-dates --keep-last 2 --delete
s3ls -q --host ember

now 'nor does a list name it'
s3ls -q --host ember -j --no-checksum | jq -c 'select(.host == null)' | s3prune --delete -
ends

now 'its key does'
s3prune -q --delete -k ember:/home:0:2019-03-01:1
ends
s3ls -q --host ember

now 'a dump in pieces doesn'"'"'t lose one like that'
echo 'one' | older ember:/old:0:2019-01-01:0
echo 'two' | older ember:/old:0:2019-01-01:1
s3prune -q --delete -k ember:/old:0:2019-01-01:1
ends
s3get --host ember --date 2019-01-01 /old 0
