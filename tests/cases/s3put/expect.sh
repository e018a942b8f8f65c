# on: file s3serve
# needs: tar gzip zstd xz bzip2
# A stream that lacks the end of its format is not stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
tree home
day=$(date +%F)

# try FORMAT NAME: stores standard input
try() {
    s3put --host ember --date "$day" --expect "$1" "$2" 0 >receipt
    ends
    [ ! -s receipt ] || jq -r .key receipt
    : >receipt
}

now 'whole'
pack home | try tar home
pack home | gzip -n | try gzip gzip
pack home | zstd -q | try zstd zstd
pack home | xz -0 | try xz xz
pack home | bzip2 | try auto bzip2

now 'the program before us dies in the middle'
{ pack home | head -c 1000000; } | try tar cut
pack home | gzip | head -c 20000 | try gzip cut
pack home | zstd -q | head -c 20000 | try zstd cut
pack home | xz -0 | head -c 20000 | try xz cut
pack home | bzip2 | head -c 20000 | try auto cut

now 'also if that is seen only by what is inside'
pack home | head -c 1000000 | gzip | try gzip inside
pack home | head -c 1000000 | gzip | try auto inside
now 'which is not seen in zstd: it can only be looked at from outside'
pack home | head -c 1000000 | zstd -q | s3put -q --host ember --date "$day" --expect zstd blind 0 | jq -r .key

now 'a message after the archive'
{ pack home; echo done; } | try tar rubbish

now 'nothing, something else, and something unknown'
try tar nothing </dev/null
try tar else <home/a/numbers
try auto unknown <home/a/numbers

now 'what is not what was expected is not read to its end, because it may have none'
yes | try gzip endless

now 'only what was whole is there'
s3ls -j --no-checksum -a | jq -r .key
s3ls --uploads -a
ends
