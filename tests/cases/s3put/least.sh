# on: file s3serve radosgw
# A dump that is suspiciously small is not stored.

. "$CASES/lib.sh"
s3put -q --make-bucket
today=$(date +%F)
then=$(date -d yesterday +%F)
zeros() { head -c "$1" /dev/zero; }
try() {
    s3put --host ember "$@" >receipt
    ends
    [ ! -s receipt ] || jq -r '[.key, .size] | @tsv' receipt | sed "s/$then/YESTERDAY/"
    : >receipt
}

now 'a least size'
zeros 999 | try --min-size 1000 home 0
zeros 1000 | try --min-size 1000 --date "$then" home 0
now 'it counts bytes, over many parts'
zeros 12000000 | try --part-size 5M --min-size 12M big 0
zeros 12582912 | try --part-size 5M --min-size 12M big 0

now 'half of the dump before may be missing, and not more'
{ zeros 499 | try --shrink-limit 50% home 0; } 2>&1 | sed "s/$then/YESTERDAY/"
zeros 500 | try --shrink-limit 50 home 0

now 'each level is compared with its own, and the first of a level with nothing'
zeros 1 | try --shrink-limit 0 home 1
zeros 1 | try --shrink-limit 0 other 0

now 'a command'
try --shrink-limit 10% --overwrite home 0 -- head -c 449 /dev/zero
try --shrink-limit 10% --overwrite home 0 -- head -c 450 /dev/zero

now 'a key that is no dump has nothing before it'
try-key() { s3put -k some-object --shrink-limit 50%; ends; }
zeros 1 | try-key
zeros 1 | s3put --shrink-limit 150% home 0
ends

now 'what is there'
s3ls -j --no-checksum -a | jq -r '[.key, .size] | @tsv' | sed "s/$then/YESTERDAY/"
