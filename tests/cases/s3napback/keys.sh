# on: s3serve
# The key file of js3tream, and that of the tools; no secret in an argument or a message. A key that may only write: what
# is due is known from DiffDir, and nothing is pruned here.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
s3put -q --make-bucket
mkdir home state bin
echo 'one' >home/one
plain() { sed "s,$PWD,SCRATCH/desk,g; s/, [0-9.]*[KM]\?: ember:/, SIZE: ember:/; s/:[0-9]\{4\}-[0-9-]*T[0-9]*Z/:DATE/g"; }
id=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
# conf FILE [LINE]
conf() { printf 'DiffDir %s/state\nHost ember\nBucket %s\nEndpoint %s\nS3Keyfile %s\n%b' "$PWD" "${S3_BUCKET#s3://}" "$AWS_ENDPOINT_URL_S3" "$PWD/$1" "${2:-Directory $PWD/home 1 3 1\n}" >conf; }
# seen: what every program was called with
for tool in s3put s3get s3ls s3prune tar s3seal; do
    printf '#!/bin/sh\necho "%s $*" >>%s/calls\nexec %s "$@"\n' $tool "$PWD" "$(command -v $tool)" >bin/$tool
    chmod +x bin/$tool
done
PATH=$PWD/bin:$PATH

now 'key= and secret='
printf '# of js3tream\nkey=%s\nsecret = %s\n' "$id" "$secret" >key.txt
chmod 600 key.txt
conf key.txt
s3napback -c conf 2>&1 | plain
s3napback -q -c conf restore "$PWD/home" -C back
same home "back$PWD/home"
grep -c . calls | sed 's/[0-9].*/there were calls/'
grep -F -e "$secret" calls
now 'the form of the tools'
printf 'access_key_id %s\nsecret_access_key %s\n' "$id" "$secret" >s3keys
chmod 640 s3keys
conf s3keys
s3napback -f -c conf 2>&1 | plain
now 'what is neither'
printf 'key=%s\nsecrte=%s\n' "$id" "$secret" >key.txt
conf key.txt
s3napback -c conf 2>&1 | plain
echo "key=$id" >key.txt
s3napback -c conf 2>&1 | plain
s3napback -c <(sed 's/key.txt/none/' conf) 2>&1 | plain
now 'a wrong secret'
printf 'key=%s\nsecret=%s\n' "$id" wrong >key.txt
s3napback -c conf 2>&1 | plain

now 'a key that may only create'
rm -r state/*
printf 'key=creator\nsecret=creatorsecret\n' >key.txt
s3napback -c conf 2>&1 | plain
conf key.txt "WriteOnly On\nDirectory $PWD/home 1 3 1\n"
s3napback -c conf 2>&1 | plain
echo "exit ${PIPESTATUS[0]}"
now 'it knows what it did'
s3napback -d -c conf 2>&1 | sed 's/before .*/before .../' | plain
for _ in 1 2 3; do s3napback -f -c conf 2>&1 | plain; done
now 'and nothing of what another bucket holds, or another host has stored'
s3napback -f -c <(sed 's/^Bucket.*/&-2/' conf) 2>&1 | plain
s3napback -f -c <(sed 's/^Host.*/Host ash/' conf) 2>&1 | plain
echo "exit ${PIPESTATUS[0]}"
now 'and whoever may read and delete restores and prunes'
AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret s3napback -c <(sed /S3Keyfile/d conf) prune | plain
AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret s3napback -q -c <(sed /S3Keyfile/d conf) restore "$PWD/home" -C again
same home "again$PWD/home"
