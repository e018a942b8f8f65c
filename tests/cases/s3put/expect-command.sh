# needs: tar gzip
# The end of the stream counts besides the exit status of the command that s3put runs.

. "$CASES/lib.sh"
s3put -q --make-bucket
tree home
day=$(date +%F)
try() {
    s3put --host ember --date "$day" --expect "$@" >receipt
    ends
    [ ! -s receipt ] || jq -c '[.key, .upstream]' receipt
    : >receipt
}

now 'both are fine'
try tar good 0 -- tar -C home --sort=name --mtime=2024-01-01 -c .

now 'a script that forgets to look at what it runs'
try gzip cut 0 -- sh -c 'tar c home | gzip | head -c 100000'
try gzip cut 0 -- sh -c 'tar c home | head -c 1000000 | gzip; true'

now 'a failure is told as what it is'
try tar failed 0 -- sh -c 'tar c home | head -c 1000000; exit 3'

now 'a command that never ends is not waited for'
try tar endless 0 -- yes

s3ls -j --no-checksum -a | jq -r .key
