# Called wrongly.
. "$CASES/lib.sh"
. "$CASES/s3probe/lib.sh"
s3probe --help | head -n 1
for call in '--force' '-b' '-b bucket' '-b s3://' '-b s3://x --endpoint ftp://x' '-b s3://x --region a/b'; do
    # shellcheck disable=SC2086 # words
    AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y s3probe $call
    ends
done
unset S3_BUCKET
s3probe
ends
s3probe -f no-such-file
ends
