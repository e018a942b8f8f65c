# on: file s3serve
# A dump that is a chunk stream comes whole, with the chunks of the dumps that it refers to.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
put() { s3put -q --host ember --date "2019-01-0$1" home 0 >/dev/null; }
get() { s3get --host ember --date "2019-01-0$1" "${@:2}" home 0; }
first=ember:home:0:2019-01-01 second=ember:home:0:2019-01-02
alone "$one" | put 1
referring "$two" "$S3_BUCKET" "$(later)" "$one" "$first" | put 2
referring "$three" "$S3_BUCKET" "$(later)" "$one" "$first" "$two" "$second" | put 3

get 1 >alone
ends
head -c 1024 alone | tr '\0' '\n' | grep -a S3PIPES
tar tvf alone --numeric-owner
tar xOf alone c/0000000001.zst.age | cat - <(echo)

now 'from others'
get 3 >whole
ends
head -c 1024 whole | tr '\0' '\n' | grep -a S3PIPES
tar tf whole
for chunk in c/0000000000 1/0000000000.zst.age 2/0000000000; do
    tar xOf whole $chunk | cat - <(echo)
done
get 3 -v 2>&1 >/dev/null | grep detail
get 3 | tail -c 1024 | tr -d '\0' | wc -c

now 'some of it'
get 3 --chunks 1-2 | tar t
get 1 --chunks 2,0 | tar t
get 1 --chunks 3
ends
get 1 --chunks 3-1
ends
get 3 --tail | tar t
get 3 --tail | head -c 1024 | tr '\0' '\n' | grep -a form

now 'as it is stored'
s3get -k "$first" --raw | tar t
s3get -k "$first" --range 0-1023 | tr '\0' '\n' | grep -a form
s3get -k "$first" --head 1k | tr '\0' '\n' | grep -a form
s3get --prefix "$first" | tar t

now 'nothing is written'
get 3 --verify | wc -c
table() { printf '%s\n' 'date 2019-01-01' 'currency EUR' 'region r' 'source s' 'class STANDARD 1 0 0 0 0' "$@"; }
get 3 --plan --prices <(table 'read STANDARD 1000 0' 'out 2000')
get 3 --plan --raw --prices <(table 'read STANDARD 0.001 0')
get 3 --plan --prices <(table) | tail -1

now 'what is no chunk stream'
seq 2000 | head -c 4096 >plain
s3put -q -k plain <plain >/dev/null
s3get -k plain | cmp - plain && echo same
s3get -k plain --tail
ends
s3get -k plain --chunks 0
ends
s3get -k plain --plan --prices <(table)
alone "$one" >unfinished
s3put -q -k zipped < <(gzip <unfinished) >/dev/null
s3get -k zipped | gzip -d | cmp - unfinished && echo same

now 'what is needed is missing, or another'
s3prune -q --delete --force -k "$first" >/dev/null
get 3
ends
get 3 --chunks 0-1 | tar t
alone "$two" | put 1
get 3
ends
s3prune -q --delete --force -k "$first" >/dev/null
s3put -q -k "$first" <plain >/dev/null
get 3
ends
