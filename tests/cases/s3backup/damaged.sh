# A backup that is damaged: restoring it changes nothing in the folder. A file that is not in the damaged part comes alone,
# because only its chunks are read.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
quick_ini
mkdir src out
noise 1 20000000 >src/middle
echo 'first' >src/a
echo 'last' >src/z
s3backup -q -c -f src -n src -a backup
object=$BUCKET_DIR/$(keys)
printf 'XXXXXXXX' | dd of="$object" bs=1 seek=10000000 conv=notrunc status=none
echo 'older' >out/a

plainly s3backup -q -c -f out -n src -a restore 2>&1 | sed 's,c/0000[0-9]*,c/N,; s/byte [0-9]*/byte N/'
ls -A out
cat out/a
now 'a file alone'
plainly s3backup -q -c -f out -n src -a restore /z
cat out/z
now 'what is in the way'
rm out/a
mkdir out/a
echo 'mine' >out/a/mine
plainly s3backup -q -c -f out -n src -a restore a
cat out/a/mine
now 'a link out of the folder'
mkdir -p deep/dir elsewhere
echo 'data' >deep/dir/file
s3backup -q -c -f deep -n deep -a backup
rm -r deep/dir
ln -s ../elsewhere deep/dir
plainly s3backup -q -c -f deep -n deep -a restore dir/file
plainly s3backup -q -c -f deep -n deep -a restore 2>&1 | sed 's/restore\.[^/]*/restore.XXX/'
ls -A elsewhere deep
