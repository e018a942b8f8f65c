# on: file s3serve radosgw
# Two phases: everything is sent, and whoever has the receipt says whether it becomes a dump.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)
name=(--host ember --date "$day")
keys() { s3ls -a -j --no-checksum 2>/dev/null | jq -r .key; }
uploads() { s3ls -a --uploads -j 2>/dev/null | jq -r .key; }
seq 2000000 >numbers

now 'nothing is visible before the commit'
s3put "${name[@]}" --part-size 5M --prepare home 0 <numbers >receipt
ends
jq -c '[.s3pipes, .key, .size, .class, .overwrite, (.objects | length), (.objects[0].parts | map(.[0]))]' receipt
s3get --host ember --date "$day" home 0
ends
uploads

now 'and all of it after'
s3put --commit -n <receipt
s3put --commit <receipt | jq -c '[.s3pipes, .bucket, .key, .size, .parts]'
s3get --host ember home 0 | cmp - numbers && echo same
uploads

now 'once more: it is found to be done, and tells the same'
s3put --commit <receipt | jq -c '[.s3pipes, .key, .size, .parts]'
s3put --commit -n <receipt
s3put --abort <receipt
ends
s3get --host ember home 0 | cmp - numbers && echo same

now 'a short stream, and an empty one'
echo short | s3put "${name[@]}" --prepare short 0 >receipt
s3put --commit <receipt | jq -c '[.key, .size, .parts]'
s3get --host ember short 0
: | s3put "${name[@]}" --prepare empty 0
ends
: | s3put "${name[@]}" --prepare --allow-empty empty 0 >receipt
s3put --commit <receipt | jq -c '[.key, .size, .parts]'
s3get --host ember empty 0 | wc -c

now 'given up'
s3put "${name[@]}" --part-size 5M --prepare gone 0 <numbers >receipt
uploads
s3put --abort -n <receipt
s3put --abort <receipt
ends
uploads
s3put --abort <receipt
ends
s3put --commit <receipt
ends

now 'a verdict against it leaves nothing'
s3put "${name[@]}" --prepare bad 0 -- sh -c 'head -c 20000000 /dev/zero; exit 3' >receipt
ends
wc -c <receipt
s3put --abort <receipt
ends
uploads

now 'what its verdict was is in the receipt'
s3put "${name[@]}" --prepare told 0 -- sh -c 'echo all' | s3put --commit | jq -c .upstream

now 'a name that is taken'
echo other | s3put "${name[@]}" --prepare home 0
ends
echo first | s3put "${name[@]}" --prepare taken 0 >receipt
echo second | s3put -q "${name[@]}" taken 0 >/dev/null
s3put --commit <receipt
ends
s3put --abort <receipt
ends
echo third | s3put "${name[@]}" --prepare --overwrite taken 0 >receipt
s3put --commit <receipt | jq -c .key
s3get --host ember taken 0
keys
