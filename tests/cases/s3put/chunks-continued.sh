# A chunk stream that is longer than an object goes on in others: offsets count through, and each of them has the id.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
big=$(head -c 100000 /dev/zero | tr '\0' a)
{
    archive "$one" new | head -c 1024
    for number in {0..99}; do
        archive "$one" new "$(printf 'c/%010d' "$number")" "$big" | tail -c +1025 | head -c -1024
    done
    archive "$one" new index i refs "$(refs "$one" 'run 0 0 100 1')"$'\n' | tail -c +1025
} >stream
s3put -q -k long --part-size 5M --max-object 5M <stream | jq -c '[.size, .chunks, (.objects | map(.key))]'
for key in long long:1; do
    jq -r '.metadata["s3pipes-chunks"]' "$BUCKET_DIR/.s3pipes/meta/$key%o"
done
cat "$BUCKET_DIR"/long{,:1} >whole
read -r offset size < <(tar xOf whole end | sed -n 's/^refs //p')
tail -c +$((offset + 1)) whole | head -c "$size"
