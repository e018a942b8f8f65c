# on: file s3serve
# needs: gpg gpgconf
# Whatever the line before s3put was: compressed, sealed, cut into chunks, or made by programs that only the user knows.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3drill/lib.sh"
s3put -q --make-bucket
tree home
s3seal -q --keygen >key.txt
chmod 600 key.txt
sed -n 's/^# public key: //p' key.txt >key.pub
put() { s3put -q --host ember --date "2019-01-0${2:-1}" "$1" 0; }
pack home | gzip | put gzip >/dev/null
pack home | s3seal -R key.pub | put sealed >/dev/null
pack home | s3chunk -q --known known | s3seal -R key.pub | put chunks | s3chunk -q --learn known >/dev/null
echo 'more' >home/more
pack home | s3chunk -q --known known | s3seal -R key.pub | put chunks 2 | s3chunk -q --learn known >/dev/null
pack home | s3chunk -q | put plainchunks >/dev/null
seq 100000 | put numbers >/dev/null

try() {
    now "$*"
    drill -q --host ember "$@"
}
try gzip -- cat hello
try sealed -i key.txt -- cat hello
try chunks -i key.txt -- diff -r --no-dereference . "$PWD/home"
try plainchunks -- cat more
# without the key, and with one although nothing is sealed
try sealed
try gzip -i key.txt
# what is no archive
try numbers
try numbers --restore 'cat >numbers' -- tail -n 1 numbers
try numbers --restore 'head -n 3; echo "$S3DRILL_KEY $S3DRILL_LEVEL"'
try numbers --restore 'cat >numbers; exit 3'
try gzip --restore 'tar x' -- cat hello
try gzip --raw --restore 'gzip -d | tar x' -- cat hello
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys
echo 'correct horse battery staple' >passphrase
gpg="gpg --quiet --batch --no-tty --pinentry-mode loopback --passphrase-file $PWD/passphrase"
pack home | $gpg -c | put gpg >/dev/null
try gpg --restore "$gpg -d | tar x" -- cat hello
ls room
