# needs: faketime gpg gpgconf
# What the first s3napback has stored, as js3tream put it there: NAME-SLOT-FULL and -DIFF in pieces with 20 digits, the
# last one empty; slots that go round. The newest full one and what came after it, in the order of time.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
export GNUPGHOME=$PWD/keys
trap 'gpgconf --kill all' EXIT
mkdir -m 700 keys
gpg --quiet --batch --passphrase '' --quick-generate-key 'Backup <backup@example.org>' default default never 2>/dev/null
gpg --quiet --check-trustdb 2>/dev/null
{ start; echo 'GpgRecipient backup@example.org'; } >conf
in_desk() { sed "s,$PWD,SCRATCH/desk,g"; }

# store SLOT WHAT: a backup of then
store() {
    local number=0 piece
    tar -f - -g old.diff -C / -czp "${PWD#/}/home" | gpg --batch -r backup@example.org -e | split -b 20000 -a 3 - piece.
    : >piece.zzz
    for piece in piece.*; do
        s3put -q --allow-empty -k "$PWD/home-$1-$2:$(printf %020d $number)" <"$piece" >/dev/null
        number=$((number + 1))
    done
    rm piece.*
}
tree home
clock 2026-01-01
store 12 FULL
rm old.diff
clock 2026-01-02
rm home/hello
store 0 FULL
clock 2026-01-03
echo 'three' >home/three
cp -a home third
store 1 DIFF
clock 2026-01-04
rm home/three
echo 'four' >home/four
store 2 DIFF
# A slot that the round has not come back to yet.
clock 2025-12-25
echo 'long ago' | gpg --batch -r backup@example.org -e | s3put -q -k "$PWD/home-3-DIFF:$(printf %020d 0)" >/dev/null
clock 2026-01-05
s3ls -q -j --no-checksum -a 2>/dev/null | grep -c '"host":null'

now 'the plan, and what it brings'
s3napback -t -c conf restore --old "$PWD/home" | in_desk
s3napback -c conf restore --old "$PWD/home" -C back 2>&1 | in_desk
same home "back$PWD/home"
now 'as it was'
s3napback -q -c conf restore --old "$PWD/home" --at 2026-01-03 -C then
same third "then$PWD/home"
now 'a database, in slots'
echo 'create table t;' | gzip | gpg --batch -r backup@example.org -e | s3put -q -k 'MySQL/shop-7:00000000000000000000' >/dev/null
s3napback -q -c conf restore --old MySQL/shop
now 'the same without the recipe'
s3get --prefix 'MySQL/shop-7:' | gpg -q -d | gunzip
now 'what is not there'
s3napback -q -c conf restore --old /home
ends
s3napback -q -c conf restore MySQL/shop
ends
