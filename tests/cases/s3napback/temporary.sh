# on: s3serve
# needs: gpg gpgconf
# fault: UploadPart#1-2:slowdown
# What may work later is not called a failure of the programs before it, though they lost their reader.

. "$CASES/lib.sh"
PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
s3put -q --make-bucket
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys
mkdir home state
gpg --quiet --batch --passphrase '' --quick-generate-key 'Backup <backup@example.org>' default default never 2>/dev/null
head -c 40M /dev/urandom >home/noise
printf 'DiffDir %s/state\nHost ember\nPatience 0\nGpgRecipient backup@example.org\nPutOptions --parallel 1\nDirectory %s/home\n' "$PWD" "$PWD" >conf
for _ in 1 2; do
    s3napback -q -c conf 2>&1 | grep -v '^gpg: ' | sed "s,$PWD,SCRATCH/desk,; s/part 1 of .*ember/part 1 of ember/; s/:[0-9-]*T[0-9]*Z/:DATE/"
    echo "exit ${PIPESTATUS[0]}"
done
