# on: file s3serve radosgw
# --verify reads and compares everything, and writes nothing.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

seq 3000000 | s3put --host ember --date "$day" /home 0 | jq .size
s3get --host ember --verify /home 0 | wc -c
s3get --host ember --verify -v /home 0
ends
s3get --host ember --verify /home 1
ends
