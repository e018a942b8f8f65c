# on: file s3serve
# Some bytes of a dump, counted as HTTP does.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

printf '0123456789' | s3put --host ember --date "$day" digits 0 | jq .size
get() {
    echo "$ s3get --range=$1"
    s3get --host ember --date "$day" "--range=$1" digits 0 | sed 's/$/./'
    echo "exit ${PIPESTATUS[0]}"
}

get 0-0
get 3-5
get 7-
get -3
get 8-100
get -100
get 10-
get 5-3
get -0
get x
get ''

now 'the first so many, or all'
for size in 3 10 4M 0 x; do
    s3get --host ember --date "$day" --head "$size" digits 0 | sed 's/$/./'
    echo "exit ${PIPESTATUS[0]}"
done
: | s3put -q -k empty --allow-empty >/dev/null
s3get --head 4M -k empty | wc -c

now 'across the boundaries of requests'
seq 3000000 | s3put --host ember --date "$day" long 0 | jq .size
seq 3000000 >long
s3get --host ember --date "$day" --range 8388600-16777300 long 0 | cmp - <(tail -c +8388601 long | head -c 8388701) && echo same
s3get --host ember --date "$day" --part-size 1M --parallel 8 long 0 | cmp - long && echo same
s3get --host ember --date "$day" --part-size 1M --parallel 1 --memory 1M long 0 | cmp - long && echo same
ends
