# on: file s3serve
# What a dump holds already is copied by the server, in whole parts; and what was copied is proven. Metadata, tags and class
# stay; so does the dump, if something goes wrong.

. "$CASES/lib.sh"
s3put -q --make-bucket
# noise N COUNT: bytes that don't compress, the same ones each time
noise() { openssl enc -aes-128-ctr -K "$1" -iv 0 </dev/zero 2>/dev/null | head -c "$2"; }
noise 1 6000000 >first
{ head -c 3000000 first; noise 2 40000000; tail -c 1000000 first; } >second
dump() {
    s3chunk -q --known known | s3put -q --host ember --date "2019-01-$1" "${@:2}" home 0 | s3chunk -q --learn known >receipt
}
dump 01 <first
dump 02 --meta colour=blue <second
before=$(s3ls -q -j --host ember home | jq -r 'select(.date == "2019-01-02") | .size')

now 'an object that it needs is missing: nothing is done'
s3get -q --raw --host ember --date 2019-01-01 home 0 >saved
s3prune -q --force --delete -k ember:home:0:2019-01-01
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends
s3put -q --host ember --date 2019-01-01 home 0 <saved | jq -c .chunks.objects

now 'two parts are copied'
s3prune --no-grace --repack ember:home:0:2019-01-02 2>&1 | grep 'copied by'
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
after=$(s3ls -q -j --host ember home | jq -r 'select(.date == "2019-01-02") | .size')
echo "$((after > before)) $((after - before < 6000000))"
s3get -v --verify --host ember --date 2019-01-02 home 0 2>&1 | sed 's/[0-9.]*M/SIZE/'
s3prune -q --no-grace --delete -k ember:home:0:2019-01-01
s3get -q --host ember --date 2019-01-02 home 0 | s3chunk -q -d | cmp - second
s3get -q --raw --host ember --date 2019-01-02 home 0 | s3chunk -q -d | cmp - second
s3ls -q --uploads --host ember
ends
