# What refers to others is stored with a key that may not look at them.
# on: s3serve
. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
creating() { AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret "$@"; }
referring "$two" "$S3_BUCKET" "$(later)" "$one" nothing-of-that-name >stream

creating s3put -k quiet <stream | jq -c .chunks
creating s3put -v -k loud <stream 2>&1 >/dev/null | grep refers

now 'it takes three requests that write, however short it is'
cut -d' ' -f1 "$LOG" | grep -E 'Upload|Put' | sort | uniq -c | sed 's,^ *,,'

now 'too late is too late'
referring "$two" "$S3_BUCKET" 1546300800 "$one" nothing-of-that-name | creating s3put -k late
ends

now 'a key that may look finds that it is not there'
s3put -k seen <stream
ends
stored
s3ls -a --uploads
ends
