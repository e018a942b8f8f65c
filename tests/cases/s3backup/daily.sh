# A folder is backed up, changed, backed up again, listed and restored, as users of s3backup.py type it.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
. "$CASES/pipelines/lib.sh"
s3put -q --make-bucket
quick_ini
tree home
# Where the cuts of a copy meet those of the original is a matter of luck: a few MB from its beginning.
noise 1 32000000 >home/noise
chmod 500 home/empty
chmod 400 home/a/numbers
mkdir out

now 'the first backup'
plainly s3backup -f home -b "$S3_BUCKET" -a backup -c
now 'nothing changed'
plainly s3backup -f home -a backup -c
now 'a second copy, and another name: only the list is new'
cp home/noise home/a/again
mv home/hello home/hallo
plainly s3backup --folder=home --bucket "$S3_BUCKET" --action backup -c
s3ls -j --no-checksum | jq -s 'map(.size) | add < 55000000'
now 'what there is'
plainly s3backup -b "$S3_BUCKET" -a list
plainly s3backup -a list -m "$(keys | tail -n 1)"
s3backup -a list -m "$(keys | tail -n 1)" --md5 | tee sums | grep line
grep -v line sums | (cd home && sed 's/ /  /' | md5sum -c)
now 'a copy elsewhere must be asked for'
plainly s3backup -f out -a restore -c
now 'the newest one, into the same folder: what was changed or removed is there again, what is new stays'
cp -a home before
rm -r home/a
echo 'spoilt' >home/hallo
echo 'new' >home/stays
plainly s3backup -f home -a restore -c
cat home/stays
rm home/stays
same before home
now 'one of the first day, elsewhere'
plainly s3backup -f out -a restore -c -m "$(keys | head -n 1)"
cat out/hello
ls -A out
stat -c %a out/empty out/a/numbers
now 'some of it'
mkdir some
plainly s3backup -f some -ca restore -m "$(keys | tail -n 1)" a/again ./hallo
(cd some && find . -type f | sort)
cmp some/a/again home/noise
now 'without the recipe'
mkdir by-hand
s3get -k "$(keys | tail -n 1)" | s3seal -d -i key.txt | s3chunk -d | tar x -p -C by-hand
same by-hand home
