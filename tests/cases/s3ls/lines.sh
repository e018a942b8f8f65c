# on: file s3serve
# Lines for pipes: JSON, or keys that end in NUL.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
store() { s3put -q "$@" >/dev/null; }

echo 'full' | store --host ember --date "$day" /home 0
echo 'since the full one' | store --host ember --date "$day" /home 1
echo 'old' | store --host ember --date 2019-11-30 /home 0
echo 'pieces' | older ember:/srv:0:2012-01-21:0
echo 'of one' | older ember:/srv:0:2012-01-21:1
echo 'no end' | older ember:/var:0:2012-01-21:1
echo 'rare' | store --host ember --date "$day" -i 'a "b"' 0
echo 'other' | store -k note

s3ls -q -j --host ember
ends
now 'without asking for each checksum'
s3ls -q -j --no-checksum --host ember /home | jq -r .checksum
now 'keys'
s3ls -q -0 --host ember | tr '\0' '\n'
now 'the checksum in a line is the one of the receipt'
echo 'twin' | s3put --host ember --date "$day" twin 0 | jq -r '"CRC64NVME:" + .crc64nvme' >receipt
s3ls -q -j --host ember twin | jq -r .checksum | cmp - receipt && echo same
ends
