# needs: faketime gpg gpgconf zstd
# gpg in the line: with the public key alone on this machine, in a keyring of its own; restored where the secret key is.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
tree home
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys elsewhere
gpg --quiet --batch --passphrase '' --quick-generate-key 'Backup <backup@example.org>' default default never 2>/dev/null
gpg --export backup@example.org | GNUPGHOME=$PWD/elsewhere gpg --quiet --no-default-keyring --keyring "$PWD/backup.gpg" --import
{ start; echo 'GpgRecipient backup@example.org'; echo "GpgKeyring $PWD/backup.gpg"; echo "Directory $PWD/home 1 3 2"; } >conf
back_up() { GNUPGHOME=$PWD/elsewhere napback "$@" | sed "s,$PWD,SCRATCH/desk,g"; }

back_up
rm home/hello
echo 'new' >home/new
clock 2026-03-21
back_up
now 'what is stored is sealed'
key="ember:$PWD/home:0:2026-03-20T031000Z"
s3get -k "$key" | gpg --list-packets 2>/dev/null | sed -n '/^:pubkey enc/{s/ .*//p;q}'
now 'this machine can not read it'
GNUPGHOME=$PWD/elsewhere s3napback -q -c conf restore "$PWD/home" -C back 2>/dev/null
ends
now 'that one can'
grep -v Keyring conf >conf.restore
s3napback -q -c conf.restore restore "$PWD/home" -C back
ends
same home "back$PWD/home"
now 'without this recipe'
mkdir way
for key in "$key" "ember:$PWD/home:1:2026-03-21T031000Z"; do
    s3get -k "$key" | gpg --quiet -d | zstd -d | tar -C way -x -p -g /dev/null -f -
done
same home "way$PWD/home"
now 'nobody can put something in its place that is not sealed'
clock 2026-03-22
tar -C / -c "${PWD#/}/home" | s3put -q --host ember --date 2026-03-22T031000Z "$PWD/home" 0 >/dev/null
s3napback -q -c conf.restore restore "$PWD/home" -C evil 2>&1 | sed "s,$PWD,SCRATCH/desk,g"
s3napback -q -c conf.restore restore --plain "$PWD/home" -C wanted
ends
same home "wanted$PWD/home"
now 'a recipient that is not there'
clock 2026-03-23
sed 's/backup@/nobody@/' conf >conf.wrong
GNUPGHOME=$PWD/elsewhere s3napback -f -q -c conf.wrong 2>&1 | grep -v '^gpg' | sed "s,$PWD,SCRATCH/desk,g"
