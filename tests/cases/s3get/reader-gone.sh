# on: file s3serve radosgw
# A reader that has seen enough ends s3get without a word.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

seq 3000000 | s3put --host ember --date "$day" /home 0 | jq .size
s3get --host ember --date "$day" /home 0 | head -n 2
echo "exit ${PIPESTATUS[0]}"
now 'a disk that is full is another matter'
s3get --host ember --date "$day" /home 0 >/dev/full
ends
