# on: file s3serve
# A chain is what a restore needs: the newest dump, its parent, and so on, oldest first.

. "$CASES/lib.sh"
. "$CASES/s3get/lib.sh"
s3put -q --make-bucket
for dump in 0:2019-01-01 1:2019-01-02 2:2019-01-03 2:2019-01-04 1:2019-01-05 2:2019-01-06 0:2019-02-01 3:2019-02-02; do
    echo "$dump" | s3put -q --host ember --date "${dump#*:}" /home "${dump%:*}" | jq -r .key
done
chain() {
    echo "$ s3ls --chain $*"
    s3ls -q --host ember --chain "$@"
    ends
}

chain /home
chain /home --at 2019-01-31
chain /home --at 2019-01-05
chain /home --at 2019-01-04
chain /home --at 2019-01-01
chain /home --at 2018-12-31
chain /srv
chain /home --at yesterday

now 'with their sizes, or for xargs -0'
s3ls -q --host ember --chain /home -j | jq -c '[.key, .parent, .size]'
s3ls -q --host ember --chain /home -0 | tr '\0' '\n'

now 'a link is missing: nothing is printed'
s3prune -q --host ember --force --delete --date 2019-02-01 /home 0
s3prune -q --host ember --force --delete --date 2019-01-01 /home 0
chain /home --at 2019-01-06

now 'a link is not whole: it is not stepped over'
echo 'full' | older ember:/var:0:2019-01-01:0
echo 'no end' | older ember:/var:1:2019-01-02:1
echo 'last' | s3put -q -k ember:/var:2:2019-01-03 | jq -r .key
chain /var
chain /var --at 2019-01-01
