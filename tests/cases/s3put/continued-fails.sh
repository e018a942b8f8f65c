# on: file s3serve radosgw
# A dump in several objects appears when all of it is there, or not at all.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

put=(s3put --host ember --date "$day" --part-size 5M --max-object 5M)
there() {
    s3ls -j --no-checksum -a -q | jq -r .key
    s3ls --uploads -a
}

now 'the producer fails in the third object'
"${put[@]}" /home 0 -- sh -c 'head -c 12000000 /dev/zero; exit 3'
ends
there

now 'a signal in the second object'
begun() { s3ls -a --uploads -j 2>/dev/null | jq -es 'length == 2 and all(.bytes > 0)' >/dev/null; }
mkfifo stream
"${put[@]}" /home 0 <stream &
pid=$!
exec 3>stream
head -c 14000000 /dev/zero >&3
comes_true begun
kill "$pid"
wait "$pid"
ends
exec 3>&-
there

now 'the key of the second object is taken'
echo 'mine' | s3put -q -k "ember:/home:0:$day:1" >/dev/null
head -c 12000000 /dev/zero | "${put[@]}" /home 0
ends
there

now 'impossible sizes'
for option in '--max-object 1M' '--max-object 49T' '--max-parts 0' '--max-parts 10001' '--part-size 1M'; do
    # shellcheck disable=SC2086
    s3put -k x $option </dev/null 2>&1 | grep -v hint
done

now 'a server that takes few parts'
head -c 12000000 /dev/zero | s3put -v -k few --max-parts 1 --part-size 5M 2>&1 >receipt | grep -Ev 'stored|watching|upstream'
jq -c '[.size, (.objects | map(.key))]' receipt
