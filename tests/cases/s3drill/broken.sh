# A dump that is damaged, one that needs what is gone, and a server that is not there: each is a failed drill, and on record.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3drill/lib.sh"
s3put -q --make-bucket
tree home
pack home | s3put -q --host ember --date 2019-01-01 home 0 >/dev/null
drill -q --host ember --prometheus drill.prom home
grep -v -e '^#' -e seconds drill.prom
grep -c '^# HELP' drill.prom
success=$(grep last_success drill.prom)
stat -c %a drill.prom

now 'damaged'
printf X | dd of="$BUCKET_DIR/ember:home:0:2019-01-01" bs=1 seek=20000 conv=notrunc status=none
drill -q --host ember --prometheus drill.prom home -- echo 'not checked'
grep -v -e '^#' -e seconds drill.prom
[[ $(grep last_success drill.prom) == "$success" ]] && echo 'it last passed when it last passed'
now 'a level that is missing'
pack home | s3put -q --host ember --date 2019-01-03 lone 1 >/dev/null
drill -q --host ember lone
now 'no server'
AWS_ENDPOINT_URL_S3=http://127.0.0.1:1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_REGION=x \
    drill -q --patience 0 -b s3://bucket --host ember home
now 'no room'
drill -q --host ember --scratch "$PWD/nowhere" home
now 'a log, and metrics, that can not be written'
mkdir folder
pack home | s3put -q --host ember --date 2019-01-02 home 0 >/dev/null
drill -q --host ember --log folder home
drill -q --host ember --prometheus nowhere/drill.prom home
wc -l <state/s3pipes/s3drill/evidence
now 'two at a time'
exec 5>state/s3pipes/s3drill/running
flock 5
drill -q --host ember home
exec 5>&-
now 'one that is ended leaves nothing behind'
mkfifo started
s3drill -q --host ember home -- bash -c 'echo >../../../started; exec sleep 100' 2>/dev/null &
read -r <started
kill $!
wait $!
ends
ls room
