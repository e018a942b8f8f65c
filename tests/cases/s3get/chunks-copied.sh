# on: s3serve
# needs: curl
# Other programs that copy objects may lose what the metadata say.

. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
s3put -q --make-bucket
copy() {
    curl -sf --aws-sigv4 "aws:amz:$AWS_REGION:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        -H "x-amz-content-sha256: $(sha256sum <"$2" | cut -d' ' -f1)" -X PUT --data-binary "@$2" "$AWS_ENDPOINT_URL_S3/${S3_BUCKET#s3://}/$1"
}
asked() { tail -n +$((before + 1)) "$LOG" | awk '{ print $1 }' | sort | uniq -c | sed 's/^ *//'; }
alone "$one" | s3put -q -k first >/dev/null
s3get -k first >whole
s3get -k first --raw >stored

copy copied stored
s3get -k copied | cmp - whole && echo same
s3get -k copied --raw | cmp - stored && echo same
s3get -k copied --tail | tar t
before=$(grep -c . "$LOG")
s3get -k copied --plan >/dev/null
asked

now 'one that was never finished comes as it is'
alone "$one" >unfinished
copy unfinished unfinished
s3get -k unfinished | cmp - unfinished && echo same

now 'something that begins otherwise takes no request more'
seq 100000 | head -c 512000 >plain
copy plain plain
before=$(grep -c . "$LOG")
s3get -k plain | cmp - plain && echo same
asked
