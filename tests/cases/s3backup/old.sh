# on: file s3serve
# needs: openssl
# What s3backup.py stored is read: its lists, its files, and the damage that it did to its own buckets.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
ini
mkdir -p src/deep/er out
echo 'hello' >src/hello
echo 'with a space' >'src/deep/with space'
seq 100000 | gzip -n >src/deep/er/numbers.gz
: >src/nothing
for file in src/hello 'src/deep/with space' src/deep/er/numbers.gz src/nothing; do old_object "$file"; done
{
    old_line src/hello hello
    old_line src/hello deep/copy
    old_line 'src/deep/with space' 'deep/with space'
    old_line src/deep/er/numbers.gz deep/er/numbers.gz
    old_line src/nothing nothing
} >list
old_encrypt <list | s3put -q -k meta_2016-04-02_1459555200000 >/dev/null
old_line src/hello hello | old_encrypt | s3put -q -k meta_2016-04-01_1459468800000 >/dev/null
old_line src/hello hello | old_encrypt | s3put -q -k meta_my-photos_2016-04-01_1459468800001 >/dev/null

now 'what there is, and what is in it'
plainly s3backup -b "$S3_BUCKET" -a list
plainly s3backup -a list -n 'My Photos'
plainly s3backup -a list -m meta_2016-04-02_1459555200000
now 'simulated'
plainly s3backup -f out -a restore -cs -m meta_2016-04-02_1459555200000
ls -A out
now 'the newest without a name'
plainly s3backup -f out -a restore -c
cp src/hello src/deep/copy
diff -r src out && echo same
now 'again: what is there already is not fetched'
rm out/deep/copy
echo 'changed' >'out/deep/with space'
plainly s3backup -f out -a restore -c
diff -r src out && echo same
now 'some of it; and with a name'
mkdir some named
plainly s3backup -f some -a restore -c -m meta_2016-04-02_1459555200000 deep/er nothing
(cd some && find . -type f | sort)
plainly s3backup -f named -a restore -c -n 'my photos'
ls named

now 'a file that was never stored, one that is damaged, one whose content is another'
echo 'lost' >lost
echo 'swapped' >swapped
echo 'damaged' >damaged
swapped=$(md5sum <swapped)
old_encrypt <src/hello | s3put -q -k "${swapped%% *}" >/dev/null
damaged=$(md5sum <damaged)
old_encrypt <damaged | head -c 25 | s3put -q -k "${damaged%% *}" >/dev/null
{ cat list; old_line lost lost; old_line swapped swapped; old_line damaged damaged; old_line src/hello last; } |
    old_encrypt | s3put -q -k meta_2016-05-01_1 >/dev/null
mkdir holes
plainly s3backup -q -f holes -a restore -c -m meta_2016-05-01_1
(cd holes && find . | sort)

now 'names that lead out of the folder'
mkdir outside inside
ln -s ../outside inside/link
echo 'mine' >outside/kept
{
    old_line src/hello ../outside/dots
    old_line src/hello "$PWD/outside/absolute"
    old_line src/hello deep/../../outside/more
    old_line src/hello link/through
    old_line src/hello link
    old_line src/hello $'two\nlines'
    old_line src/hello good
} | old_encrypt | s3put -q -k meta_2016-05-02_1 >/dev/null
plainly s3backup -q -f inside -a restore -c -m meta_2016-05-02_1
find inside outside | sort

now 'the password is another one'
for word in wrong words are said; do
    printf '[main]\npassword=%s\n' "$word" >s3backup.ini
    plainly s3backup -q -f out -a restore -c -m meta_2016-04-01_1459468800000
done 2>&1 | sed 's/: the password is wrong, or it is no list of files$/: WRONG/; s/the passphrase is wrong, or the data is damaged/WRONG/' | sort -u | grep -c .
now 'nothing is asked of the password where it is not needed'
rm s3backup.ini
plainly s3backup -a list -n 'my photos'
