# on: file s3serve radosgw
# A dump that needs others takes their chunks in; then they may go, and it comes back from what is left. What refers to it
# finds it as before.

. "$CASES/lib.sh"
s3put -q --make-bucket
umask 077
s3seal -q --keygen >key
sed -n 's/^# public key: //p' key >recipient
# data N: 200 pieces of 1,024 bytes, of which N are different from those of data 0
data() { seq "$((200 - $1))" | xargs printf '%01024d'; seq 9001 "$((9000 + $1))" | xargs -r printf '%01024d'; }
# dump DAY N [FILTER]...: a dump of that day
dump() {
    local day=$1 changed=$2
    shift 2
    data "$changed" | s3chunk -q --fixed 4k --known known | "${@:-cat}" |
        s3put -q --host ember --date "2019-01-$day" home 0 | s3chunk -q --learn known >receipt
    jq -c '[.key, .chunks.new, .chunks.total]' receipt
}
restored() { s3get -q --host ember --date "2019-01-$1" home 0 | s3seal -q -d -i key | s3chunk -q -d | cmp - <(data "$2") && echo "2019-01-$1 is whole"; }
listed() { s3ls -q --host ember --chunks -j --no-checksum | jq -c '[.key, .chunks.new, .chunks.total, .chunks.needs, .chunks.health]'; }
r=$(cat recipient)

now 'three dumps: the third needs both before it'
dump 01 0 s3seal -q -r "$r"
dump 02 100 s3seal -q -r "$r"
dump 03 140 s3seal -q -r "$r"

now 'whoever makes one now may refer to what the newest needs'
s3prune --repack ember:home:0:2019-01-03 --delete
ends
s3prune --repack ember:home:0:2019-01-02
ends

now 'nobody is making one: what it would take'
s3prune --no-grace --repack ember:home:0:2019-01-02 2>plan
ends
sed 's/ [0-9.]*[kM]\b/ SIZE/g; s/  */ /g' plan
listed

now 'and it is done'
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete -j | jq -c '[.key, .action, .reasons, .size > .before]'
listed
restored 02 100
restored 03 140

now 'there is nothing left to do'
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
ends

now 'what the third still needs stays; then that takes all in'
s3prune -q --no-grace --delete -k ember:home:0:2019-01-01
ends
s3prune -q --no-grace --repack ember:home:0:2019-01-03 --delete
s3prune -q --no-grace --delete -k ember:home:0:2019-01-01
s3prune -q --no-grace --delete -k ember:home:0:2019-01-02
listed
restored 03 140

now 'as it is stored it can be opened, moved, and stored again'
s3get -q --raw --host ember --date 2019-01-03 home 0 | s3seal -q -d -i key | s3chunk -q -d | cmp - <(data 140)
s3get -q --raw --host ember --date 2019-01-03 home 0 | s3put -q --host ember --date 2019-01-04 home 0 | jq -c '[.key, .chunks.new, .chunks.total, .chunks.objects]'
restored 04 140
s3get -q --tail --host ember --date 2019-01-03 home 0 | s3seal -q -d -i key | s3chunk --list | wc -l

now 'whatever else is asked for is refused'
echo 'no chunks' | s3put -q --host ember --date 2019-01-05 home 0 >/dev/null
s3prune -q --no-grace --repack ember:home:0:2019-01-05 --delete
ends
s3prune -q --no-grace --repack ember:home:0:2019-01-06 --delete
ends
