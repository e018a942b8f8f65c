# What refers to others is stored with a key that may not look at them; and not if the look fails otherwise.
# on: s3serve
# fault: HeadObject#6-:slowdown
. "$CASES/lib.sh"
. "$CASES/s3put/lib.sh"
creating() { AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret "$@"; }
referring "$two" "$S3_BUCKET" "$(later)" "$one" nothing-of-that-name >stream

creating s3put -k quiet <stream | jq -c .chunks
creating s3put -v -k loud <stream 2>&1 | grep -v 'stored\|upstream\|watch' | jq -Rr '. as $line | try (fromjson | .key) catch $line'

now 'too late is too late'
referring "$two" "$S3_BUCKET" 1546300800 "$one" nothing-of-that-name | creating s3put -k late
ends

now 'a server that is busy'
s3put --patience 0 -k busy <stream
ends
