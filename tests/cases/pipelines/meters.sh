# needs: pv mbuffer
# Meters, buffers and brakes stand in the line: pv, mbuffer, s3rate.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
s3put -q --make-bucket
tree home

pack home | pv -q | mbuffer -q -m 4M | s3rate 64M | s3put -q -L 64M --host ember --date 2019-11-30 home 0 | jq -r .key
echo "exit ${PIPESTATUS[*]}"
mkdir restored
s3get -L 64M --host ember --date 2019-11-30 home 0 | s3rate 64M | mbuffer -q -m 4M | pv -q | tar -C restored -xpf -
echo "exit ${PIPESTATUS[*]}"
pack restored | cmp - <(pack home) && echo same
