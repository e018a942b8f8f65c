# on: file s3serve radosgw
# SIGUSR1 and SIGUSR2 change the rate of a dump that is under way, and the dump is right.

. "$CASES/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket
seq 6000000 | head -c 41943040 >part
mkfifo stream said
s3dump -L 4g -h ember -w 2019-11-30 dump /home 0 <stream 2>said &
dump=$!
exec 3>stream 4<said
# More than a pipe holds: when it is written s3put is reading.
head -c 8000000 part >&3
for signal in USR1 USR1 USR2; do
    kill -s "$signal" "$dump"
    line=detail
    while [[ $line == *detail* ]]; do read -r line <&4; done
    echo "$signal: $line"
done
tail -c +8000001 part >&3
exec 3>&-
wait "$dump"
ends
plainly <&4
s3dump -h ember -w 2019-11-30 restore /home 0 | cmp - part
ends

now 'one that is ended leaves nothing'
s3dump -h ember -w 2019-12-01 dump /home 0 <stream 2>said &
dump=$!
exec 3>stream 4<said
head -c 40000000 part >&3
begun() { s3ls --host ember --uploads -j 2>/dev/null | jq -es '.[0].bytes > 0' >/dev/null; }
comes_true begun
kill "$dump"
wait "$dump"
ends
plainly <&4
exec 3>&-
s3ls -q -0 --host ember | tr '\0' '\n'
s3ls --host ember --uploads
ends
