# on: file s3serve radosgw
# KEY.tail goes with the dump KEY, after it; without that dump it is an object like any other.

. "$CASES/lib.sh"
s3put -q --make-bucket
for date in 2019-01-01 2019-02-01; do
    echo "$date" | s3put -q --host ember --date "$date" /home 0 >/dev/null
    echo 'its end' | s3put -q -k "ember:/home:0:$date.tail" >/dev/null
done
echo 'no end of anything' | s3put -q -k ember:/home:0:2019-03-01.tail >/dev/null

now 'it is no dump'
s3ls -q --host ember -0 | tr '\0' '\n'

now 'by itself it does not go'
s3prune -q --delete -k ember:/home:0:2019-02-01.tail
ends
echo ember:/home:0:2019-02-01.tail | s3prune --delete -
ends

now 'with its dump it does'
s3prune -q --host ember --trust-dates --keep-last 1 --delete
s3get -q -k ember:/home:0:2019-01-01.tail
ends
s3get -k ember:/home:0:2019-02-01.tail
ends

now 'one without a dump goes by its key'
s3prune -q --delete -k ember:/home:0:2019-03-01.tail
ends
