# needs: gpg gpgconf
# gpg stands in the line: with a passphrase, and with a public key whose secret half is not on this machine.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
s3put -q --make-bucket
tree home
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys
echo 'correct horse battery staple' >passphrase
gpg() { command gpg --quiet --batch --no-tty --pinentry-mode loopback "$@"; }

now 'with a passphrase'
pack home | gpg --passphrase-file passphrase -c | s3put -q --host ember --date 2019-11-30 home.tar.gpg 0 | jq -r .key
mkdir one two
s3get --host ember --date 2019-11-30 home.tar.gpg 0 | gpg --passphrase-file passphrase -d | tar -C one -xpf -
echo "exit ${PIPESTATUS[*]}"
pack one | cmp - <(pack home) && echo same

now 'with a public key'
gpg --passphrase '' --quick-generate-key 'Backup <backup@example.org>' default default never 2>/dev/null
gpg --export backup@example.org >public
gpg --export-secret-keys backup@example.org >secret
mkdir -m 700 elsewhere
GNUPGHOME=$PWD/elsewhere gpg --import public
pack home | GNUPGHOME=$PWD/elsewhere gpg --trust-model always -e -r backup@example.org | s3put -q --host ember --date 2019-11-30 home.tar.gpg 1 | jq -r .key
now 'this machine can write, and not read'
s3get --host ember --date 2019-11-30 home.tar.gpg 1 | GNUPGHOME=$PWD/elsewhere gpg -d 2>/dev/null | wc -c
now 'that one can'
s3get --host ember --date 2019-11-30 home.tar.gpg 1 | gpg -d | tar -C two -xpf -
echo "exit ${PIPESTATUS[*]}"
pack two | cmp - <(pack home) && echo same
GNUPGHOME=$PWD/elsewhere gpgconf --kill all
