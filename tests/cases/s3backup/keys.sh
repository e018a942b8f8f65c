# on: file s3serve
# needs: strace
# The password is seen nowhere: in nothing that is said, in no argument of a program, in no file.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
ini
mkdir src out
echo data >src/file
strace -f -qq -s 4096 -e trace=execve -v -o trace s3backup -f src -n src -a backup -c >said 2>&1
ends
strace -f -qq -s 4096 -e trace=execve -v -o trace2 s3backup -f out -n src -a restore -c >>said 2>&1
ends
grep -c 'Time used' said
grep -q s3seal trace trace2 && cat said trace trace2 | grep -c 'pass;word'
rm trace trace2
grep -rl 'pass;word' --exclude=s3backup.ini . "${BUCKET_DIR:-.}"

now 'the wrong one'
printf '[main]\npassword=sesame\n' >s3backup.ini
mkdir new
plainly s3backup -q -f new -n src -a restore -c
ls -A new

now 'recipients: whoever backs up can not read'
s3seal -q --keygen >key.txt
chmod 600 key.txt
sed -n 's/^# public key: //p' key.txt >recipients.txt
mkdir etc
mv recipients.txt etc
printf '[main]\nrecipients=recipients.txt\n' >etc/writer.ini
printf '[main]\nidentity=../key.txt\n' >etc/reader.ini
plainly s3backup -q --config etc/writer.ini -f src -n sealed -a backup -c
plainly s3backup -q --config etc/writer.ini -f new -n sealed -a restore -c
plainly s3backup -q --config etc/reader.ini -f new -n sealed -a restore -c
cat new/file
plainly s3backup -q --config etc/reader.ini -f src -n sealed -a backup -c
plainly s3backup -q --config etc/none.ini -f src -n sealed -a backup -c
