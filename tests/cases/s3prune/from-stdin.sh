# on: file s3serve
# s3ls chooses, jq chooses among that, s3prune deletes.

. "$CASES/lib.sh"
s3put -q --make-bucket
for dump in 0:2019-01-01 1:2019-01-02 0:2019-02-01 1:2019-02-02; do
    echo "$dump" | s3put -q --host ember --date "${dump#*:}" /home "${dump%:*}" >/dev/null
done
head -c 2000 /dev/zero | s3put -q --host attic --date 2019-01-01 /big 0 >/dev/null
echo 'small' | s3put -q --host attic --date 2019-01-02 /big 0 >/dev/null
echo 'note' | s3put -q -k note >/dev/null

now 'what is large and old'
s3ls -q -a -j --no-checksum | jq -c 'select(.size > 1000 and .date < "2019-02")' | s3prune - --delete
ends
now 'keys, one a line; those that are no dumps are passed over'
printf '%s\n' ember:/home:1:2019-01-02 note ember:/home:7:2019-01-02 | s3prune -q - --delete
ends
printf '%s\n' note ember:/home:7:2019-01-02 | s3prune - --delete
ends
now 'keys that end in NUL'
printf '%s\0' ember:/home:1:2019-02-02 | s3prune -q - --delete -0 | tr '\0' '\n'
now 'if one of them may not go, none goes'
s3ls -q -a -0 | s3prune -q - --delete
ends
now 'a plan is a list, too'
echo 'new' | s3put -q --host ember --date 2019-03-01 /home 0 >/dev/null
s3prune -q --host ember --trust-dates --keep-last 1 -j | s3prune -q - --delete
ends
now 'rubbish'
echo '{"Key":"x"}' | s3prune - --delete
ends
s3ls -q -a -0 | tr '\0' '\n'
