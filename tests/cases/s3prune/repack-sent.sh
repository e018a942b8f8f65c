# on: radosgw
# A server that holds no checksum by which a copy could be proven: all of the dump is read and sent, in several parts.

. "$CASES/lib.sh"
s3put -q --make-bucket
# noise N COUNT: bytes that don't compress, the same ones each time
noise() { openssl enc -aes-128-ctr -K "$1" -iv 0 </dev/zero 2>/dev/null | head -c "$2"; }
noise 1 6000000 >first
{ head -c 3000000 first; noise 2 40000000; tail -c 1000000 first; } >second
dump() { s3chunk -q --known known | s3put -q --host ember --date "2019-01-$1" home 0 | s3chunk -q --learn known >receipt; }
dump 01 <first
dump 02 <second

s3prune --no-grace --repack ember:home:0:2019-01-02 2>&1 | grep 'to be sent'
s3prune -q --no-grace --repack ember:home:0:2019-01-02 --delete
s3prune -q --no-grace --delete -k ember:home:0:2019-01-01
s3get -q --host ember --date 2019-01-02 home 0 | s3chunk -q -d | cmp - second
s3get -q --raw --host ember --date 2019-01-02 home 0 | s3chunk -q -d | cmp - second
s3ls -q --uploads --host ember
ends
