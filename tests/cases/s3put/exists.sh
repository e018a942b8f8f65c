# on: file s3serve radosgw
# A dump that exists is never replaced by accident.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

put() {
    s3put --host ember --date "$day" "$@" /home 0 >receipt
    ends
}

echo 'first' | put
echo 'second' | put
s3get --host ember /home 0

now 'nothing is read when the name is taken: the producer would have worked for hours'
echo 'not read' | { put; cat; }

now 'told to, it replaces'
echo 'third' | put --overwrite
s3get --host ember /home 0

now 'a name that nobody can guess needs no look beforehand'
echo 'fourth' | put --random
jq -r .key receipt | sed 's/~[0-9a-f]\{16\}$/~RANDOM/'
echo 'fifth' | put --random
s3ls --host ember -0 | tr '\0' '\n' | sed 's/~[0-9a-f]\{16\}$/~RANDOM/'
