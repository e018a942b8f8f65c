# A chunk stream that is longer than an object goes on in others: offsets count through, and each of them has the id.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
long "$one" >stream
s3put -q -k long --part-size 5M --max-object 5M <stream | jq -c '[.size, .chunks, (.objects | map(.key))]'
for key in long long:1; do
    jq -r '.metadata["s3pipes-chunks"]' "$BUCKET_DIR/.s3pipes/meta/$key%o"
done
cat "$BUCKET_DIR"/long{,:1} >whole
read -r offset size < <(tar xOf whole end | sed -n 's/^refs //p')
tail -c +$((offset + 1)) whole | head -c "$size"
