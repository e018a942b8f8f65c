# on: file s3serve
# needs: sqlite3 jq strace
# Encrypted by a password, or for recipients. A wrong password restores nothing, where the original wrote garbage.

. "$CASES/lib.sh"
. "$CASES/s3backuptool/lib.sh"
# A percent sign begins a reference, so it is doubled.
section src 'encrypt = True' 'encrypt_password = correct 100%% horse'
tool initdb
{
seq 20000 >src/numbers
: >src/nothing
echo 'small' >src/small
ln -s small src/link
now 'stored, and the password is in no argument and no variable of a program'
strace -f -qq -v -s 100000 -e trace=execve -o calls s3backuptool -q -c conf backup
ends
grep -c 's3put' calls | sed 's/^[1-9].*/seen/'
grep -c 'horse' calls
stored
s3get -q -k "src$PWD/src/numbers" | head -n 1
s3get -q -k "src$PWD/src/small" | grep -c small
rows 'encrypted, filetype, size, filepath'
now 'nothing is stored again'
as_it_is >before
tool backup
ends
as_it_is | cmp - before && echo untouched
now 'back, with the database and without'
strace -f -qq -v -s 100000 -e trace=execve -o calls s3backuptool -q -c conf restore --yes --to out
ends
grep -c 'horse' calls
same src "out$PWD/src"
rm -r out db/*
mkdir out
tool initdb
tool -q restore --yes --to out
ends
same src "out$PWD/src"
now 'a wrong password'
rm -r out db/*
mkdir out
tool initdb
sed 's/horse/mule/' conf >wrong.conf
chmod 600 wrong.conf
s3backuptool -q -c wrong.conf restore --yes --to out
ends
find out -type f
rm -r out db/*
mkdir out
tool initdb
s3backuptool -q -c wrong.conf backup
ends
now 'one file by hand'
mkdir plain
s3get -q -k "src$PWD/src/small" >small
(umask 077 && s3get -q -k src.identity.age >src.identity.age)
printf '%s\n' small plain src.identity.age 'correct 100% horse' | s3backuptool quick_decrypt
ends
cat plain/small
now 'and again: what is there is not replaced'
printf '%s\n' small plain src.identity.age 'correct 100% horse' | s3backuptool quick_decrypt
ends
rm plain/small
now 'with a wrong password'
printf '%s\n' small plain src.identity.age 'wrong' | s3backuptool quick_decrypt
ends
ls plain
} 2>&1 | sed "s,$PWD,HERE,g"
