# The dump is safe whether or not anybody reads the receipt.

. "$CASES/lib.sh"
s3put -q --make-bucket
day=$(date +%F)

{ echo 'data' | s3put --host ember --date "$day" /home 0; ends >&2; } | true
s3get --host ember /home 0
