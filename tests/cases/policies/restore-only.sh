# doc/policies/restore-only.json: a key that lists and reads, and changes nothing.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"
apply restore-only.json
seq 2000000 >numbers
s3put -q --host h --date 2024-01-01 --part-size 5M home 0 <numbers >/dev/null

now 'it lists and restores'
other s3ls --host h -j | jq -r .key
ends
other s3get -q -k h:home:0:2024-01-01 | cmp - numbers && echo same

now 'it stores and removes nothing'
echo new | other s3put -k new
ends
other s3put --part-size 5M -k new <numbers
ends
other s3prune -k h:home:0:2024-01-01 --delete --force
ends
other says DELETE /h%3Ahome%3A0%3A2024-01-01
other says PUT '/h%3Ahome%3A0%3A2024-01-01?acl=' '' 'x-amz-acl: public-read'
s3ls -a -j | jq -r .key
