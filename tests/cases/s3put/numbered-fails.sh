# on: file s3serve
# Of a dump in numbered pieces nothing is visible before all of it came, and was found good.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

put=(s3put --host ember --date "$day")
pieces() { s3chunk --fixed 1M --numbered; }
there() {
    s3ls -j --no-checksum -a -q | jq -r .key
    s3ls --uploads -a
}

now 'the producer fails'
"${put[@]}" /home 0 -- sh -c 'head -c 12000000 /dev/zero | s3chunk --fixed 1M --numbered; exit 3'
ends
there

now 'it ends early, between two pieces and within one'
head -c 12000000 /dev/zero | pieces >pieces
for size in $((1024 + 3 * (512 + 1048576))) 5000000 1500 1024; do
    head -c $size pieces | "${put[@]}" /home 0
    ends
done
there

now 'it is damaged'
{ head -c 5000000 pieces; printf x; tail -c +5000002 pieces; } | "${put[@]}" -q --expect gzip /home 0
ends
{ head -c $((1024 + 3 * (512 + 1048576))) pieces; printf x; tail -c +3148802 pieces; } | "${put[@]}" /home 0
ends
there

now 'no bytes'
pieces </dev/null | "${put[@]}" /home 0
ends
pieces </dev/null | "${put[@]}" --allow-empty nothing 0 | jq -c '[.size, (.objects | map(.key))]'
s3get --host ember nothing 0 | wc -c

now 'a signal'
begun() { s3ls -a --uploads -j 2>/dev/null | jq -es 'length >= 3 and any(.bytes > 0)' >/dev/null; }
mkfifo stream
"${put[@]}" /home 0 <stream &
pid=$!
exec 3>stream
head -c 5000000 pieces >&3
comes_true begun
kill "$pid"
wait "$pid"
ends
exec 3>&-
there

now 'what makes no sense'
for option in --overwrite --resume --prepare '--part-size 5M' '--max-object 5M'; do
    # shellcheck disable=SC2086
    "${put[@]}" $option /home 0 <pieces 2>&1 >receipt
    ends
    cat receipt
done
there

now 'the smallest that is expected, and what the stream itself must be'
"${put[@]}" --min-size 20M /home 0 <pieces
ends
"${put[@]}" --expect tar /home 0 <pieces
ends
tar -C "$CASES/s3put" -cf - numbered.sh | tee tar | s3chunk --fixed 4k --numbered | "${put[@]}" --expect tar /etc 0 | jq -c .size
s3get --host ember /etc 0 | cmp - tar && echo same
