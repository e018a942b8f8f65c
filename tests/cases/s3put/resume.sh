# on: file s3serve radosgw
# A run that broke is run again with the same stream: what is stored already is not sent again.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
name=(--host ember --date "$day" --part-size 5M --resume)
uploads() { s3ls -a --uploads -j 2>/dev/null | jq -r .key; }
# Not random: the same bytes in every run, and no two parts alike.
seq 6000000 | head -c 40000000 >stream
mkfifo pipe

# breaks KEY: a run that is killed when at least three of its eight parts are stored
breaks() {
    s3put "${name[@]}" "$1" 0 <pipe &
    put=$!
    exec 3>pipe
    head -c 25000000 stream >&3
    begun() { s3ls -a --uploads -j 2>/dev/null | jq -es '.[0].bytes >= 15728640' >/dev/null; }
    comes_true begun
    kill -KILL "$put"
    wait "$put" 2>/dev/null
    exec 3>&-
    uploads
}
# how: whether the rest was sent, of which this only knows that it was less than all of it
how() { jq -c '[.key, .size, .parts, .resumed >= 15728640, .resumed <= 25000000, .crc64nvme]'; }
crc=$(s3put -k whole <stream | jq -r .crc64nvme)

now 'the same stream'
breaks same
s3put -q "${name[@]}" same 0 <stream | tee receipt | how | sed "s|$crc|right|"
s3get --host ember same 0 | cmp - stream && echo same
s3ls -j --no-checksum --host ember same | jq .size
[ "$(jq -r .token receipt | wc -c)" = 33 ] && echo 'the token is the one that the object has'
uploads

now 'another stream: only the parts that match are kept'
breaks other
{ head -c 10485760 stream; head -c 9000000 /dev/zero; tail -c 10000000 stream; } >changed
s3put -q "${name[@]}" other 0 <changed | jq -c '[.size, .parts, .resumed]'
s3get --host ember other 0 | cmp - changed && echo same
uploads

now 'cut otherwise, it is sent as if there were none'
breaks cut
s3put --host ember --date "$day" --part-size 6M --resume cut 0 <stream | jq -c '[.size, .parts, .resumed]'
s3get --host ember cut 0 | cmp - stream && echo same
uploads

now 'no upload to go on with'
s3put -q "${name[@]}" fresh 0 <stream | jq -c '[.size, .parts, .resumed]'

now 'a failure leaves the upload, and says so'
s3put "${name[@]}" failed 0 -- sh -c 'cat stream; exit 3'
ends
uploads
s3put -q "${name[@]}" failed 0 -- cat stream | jq -c '[.size, .parts, .resumed]'

now 'with two phases'
s3put -q "${name[@]}" --prepare twice 0 -- sh -c 'cat stream; exit 3' >receipt
ends
s3put -q "${name[@]}" --prepare twice 0 <stream >receipt
jq -c '[.token, .resumed, (.objects[0].parts | length)]' receipt
s3put -q --commit <receipt | jq -c '[.size, .parts, .resumed]'
s3put -q --commit <receipt | jq -c '[.size, .parts, .resumed]'
s3get --host ember twice 0 | cmp - stream && echo same
uploads
