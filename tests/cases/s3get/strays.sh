# on: file s3serve radosgw
# Whoever may only add objects can't spoil a dump: what looks like pieces of it, beside it, is not read with it.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
today=$(date +%F)

echo 'good' | s3put -q --host ember --date "$today" /home 0 >/dev/null
for piece in :0 :1 :7 /chunk_000000 /chunk_000001; do
    echo 'EVIL' | older "ember:/home:0:$today$piece"
done

now 'by date, the newest, by key'
s3get --host ember --date "$today" /home 0
s3get --host ember /home 0
s3get -k "ember:/home:0:$today"
s3get --host ember --verify /home 0
ends

now 'they are listed apart'
s3ls -q --host ember
s3ls -q --host ember -j --no-checksum | jq -c '[.key, .host, .pieces, .size, .flaw]'

now 'the same beside a dump whose date is older than it is'
echo 'good' | s3put -q --host ember --date 2019-11-30 /srv 0 >/dev/null
echo 'EVIL' | older ember:/srv:0:2019-11-30:1
s3get --host ember --date 2019-11-30 /srv 0
ends
