# Names, as s3backup.py made them; and a configuration in the folder above, with what its parser knew.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
mkdir -p yard/src 'yard/with:colon'
echo data | tee yard/src/file >yard/with:colon/file
(umask 077 && printf '# remark\n; remark\n[other]\npassword=no\n[main]\r\nPassword : pass;word ?! ; a remark\r\n' >s3backup.ini)
cd yard || exit

plainly s3backup -f src -a backup -c -n 'My  Photos & Films'
plainly s3backup -f src -a backup -c -n my-photos-films -q
now 'of another host'
plainly s3backup -f src -a backup -c --host ember
now 'of one name'
plainly s3backup -a list -n 'my photos/films'
plainly s3backup -a list -n nobody
now 'all of them'
s3backup -a list | plain | LC_ALL=C sort
now 'the password is the one above'
printf %s 'pass;word ?!' >password
chmod 600 password
s3get my-photos-films 0 | s3seal -d --passphrase-file password | s3chunk -d | tar xO
now 'names that make no name'
plainly s3backup -f with:colon -a backup -c
plainly s3backup -f with:colon -a backup -c -n '???'
plainly s3backup -f with:colon -a backup -c -q -n colon
keys | plain | LC_ALL=C sort
