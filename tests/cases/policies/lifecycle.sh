# doc/policies/lifecycle.json and lifecycle-archive.json are taken as they are, and say what they should.
# on: radosgw
# needs: curl jq openssl
. "$CASES/lib.sh"
. "$CASES/policies/lib.sh"

now 'both, in one document'
{ filled lifecycle.json; filled lifecycle-archive.json; } | jq -s '{Rules: (map(.Rules) | add)}' >both
s3 PUT '/?lifecycle=' "$(jq -r -f "$POLICIES/xml.jq" both)"
s3 GET '/?lifecycle=' | sed 's/<Rule>/\n&/g' | grep -o '<Rule>.*</Rule>' | sed 's/<[^>]*>/ /g; s/  */ /g' | sort

now 's3put --make-bucket leaves them alone'
s3put --make-bucket 2>&1 | grep thrown
s3 GET '/?lifecycle=' | grep -o '<Rule>' | wc -l
