# Deduplicated dumps: what they are made of, what they need, and whether it is there.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
store() { s3put -q --host ember --date 2019-01-0"$1" home 0 >/dev/null; }
full=ember:home:0:2019-01-01
next=ember:home:0:2019-01-02
echo 'no chunks' | s3put -q --host ember --date 2019-01-01 etc 0 >/dev/null
alone "$one" | store 1
referring "$two" "$S3_BUCKET" "$(later)" "$one" $full | store 2
referring "$three" "$S3_BUCKET" "$(later)" "$one" $full "$two" $next | store 3
look() {
    s3ls -q --host ember "$@"
    ends
}

now 'for people, and only if it is asked for'
look home
look --chunks

now 'for pipes'
s3ls -q --host ember -j --no-checksum home | jq -s 'any(has("chunks"))'
s3ls -q --host ember -j --no-checksum --chunks | jq -c '[.key, .chunks]'

now 'what is of another set is looked for, too'
alone "$one" | s3put -q -k notes >/dev/null
referring "$two" "$S3_BUCKET" "$(later)" "$one" $full "$one" notes |
    s3put -q --host wren --date 2019-01-04 home 0 >/dev/null
s3ls -q --host wren --chunks

now 'one is gone'
s3prune -q --delete --force -k $next
look --chunks home

now 'another one has its name'
s3prune -q --delete --force -k $full
alone "$three" | store 1
look --chunks home

now 'one is damaged'
body=$BUCKET_DIR/$full
printf 'nonsense' | dd of="$body" bs=1 seek=$(($(stat -c %s "$body") - 1536)) conv=notrunc status=none
look --chunks home
