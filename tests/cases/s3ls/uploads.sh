# on: file s3serve radosgw
# An upload that was killed is found, and can be got rid of.

. "$CASES/lib.sh"
s3put -q --make-bucket
s3ls -a --uploads
ends

mkfifo stream
s3put --host ember --date 2019-11-30 --part-size 5M --parallel 1 /home 0 <stream &
put=$!
disown
exec 3>stream
# Two parts and what a pipe holds: the second one waits for its end.
head -c 9000000 /dev/zero >&3
one_part() { s3ls -a --uploads -j 2>/dev/null | jq -es '.[0].bytes == 5242880' >/dev/null; }
comes_true one_part
kill -9 "$put"
exec 3>&-

now 'it is there, and no listing shows it'
s3ls -a -q
s3ls --host ember --uploads | sed 's/^.* \([^ ]* [^ ]*\)$/WHEN AGE \1/'
s3ls -a --uploads -j | jq -c '[.key, .bytes, (.upload | length > 0), (.age >= 0)]'
s3ls --host attic --uploads
ends

now 'young ones stay: somebody may be at work'
s3prune -a --uploads 1h --delete
ends
s3ls -a --uploads -j | jq -r .key
