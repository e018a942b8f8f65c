# on: file s3serve radosgw
# A command that s3put runs becomes a dump only if it ends well; otherwise nothing is left behind.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

try() {
    echo "$ s3put $*"
    s3put --host ember --date "$day" "$@" >receipt
    ends
    [ ! -s receipt ] || jq -c '[.size, .upstream]' receipt
}

mkdir home && seq 1000 >home/numbers
try good 0 -- tar c home
s3get --host ember good 0 | tar t

now 'a failure at the end, of a short stream and of one in parts'
try short 0 -- sh -c 'echo half; exit 3'
try long 0 -- sh -c 'head -c 20000000 /dev/zero; exit 3'
try killed 0 -- sh -c 'head -c 20000000 /dev/zero; kill -9 $$'
try silent 0 -- false

now 'a status that is fine'
try gone 0 --ok-status sh:3 -- sh -c 'echo all there is; exit 3'
try other 0 --ok-status tar:3 --ok-status 4 -- sh -c 'echo half; exit 3'

now 'a program that is not there, and one that writes nothing'
try missing 0 -- /no/such/program
try nothing 0 -- true

now 'only what ended well is there'
s3ls -j --no-checksum -a | jq -r .key
s3ls --uploads -a
ends
