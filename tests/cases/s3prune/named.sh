# on: file s3serve
# One dump by name. What others need, and the last one of all, go only by force.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
for dump in 0:2019-01-01 1:2019-01-02 0:2019-02-01 1:2019-02-02; do
    echo "$dump" | s3put -q --host ember --date "${dump#*:}" /home "${dump%:*}" >/dev/null
done
echo 'note' | s3put -q -k 'a note' >/dev/null
echo 'note' | s3put -q -k 'a note, too' >/dev/null
prune() {
    echo "$ s3prune $*"
    s3prune "$@"
    ends
}

now 'only the plan'
prune --host ember --date 2019-01-02 /home 1
now 'done'
prune --host ember --date 2019-01-02 /home 1 --delete
prune --host ember --date 2019-01-02 /home 1 --delete
now 'others need it'
prune --host ember --date 2019-02-01 /home 0 --delete
prune -k ember:/home:0:2019-02-01 --delete
now 'nothing needs it'
prune -q --host ember --date 2019-01-01 /home 0 --delete
prune -q -k ember:/home:1:2019-02-02 --delete
now 'it is the last that can be restored'
prune -q -k ember:/home:0:2019-02-01 --delete
prune -q -k ember:/home:0:2019-02-01 --delete --force
now 'any object goes by its key, and only that one'
prune -q -k 'a note' --delete
prune -q -k 'no such note' --delete
s3ls -q -a
now 'a piece is not a dump'
for number in 0 1; do echo 'piece' | older "ember:/srv:0:2012-01-01:$number"; done
prune -q -k ember:/srv:0:2012-01-01:1 --delete
s3ls -q -0 --host ember | tr '\0' '\n'
