# on: file s3serve
# -s writes nothing and deletes nothing, here or there, whatever comes with it.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
quick_ini
mkdir src out
noise 1 300000 >src/one
noise 2 300000 >src/two
now 'before the first backup'
plainly s3backup -f src -a backup -c -s
ls
everything
now 'a backup, and what another one would do'
plainly s3backup -f src -a backup -cq
everything >before
rm src/two
noise 3 300000 >src/three
plainly s3backup -f src -a backup -c -s -d
plainly s3backup -f src -a backup -csd --full
everything | cmp - before
now 'of an emptied folder'
mkdir gone
plainly s3backup -f gone -n src -a backup -cds
everything | cmp - before
now 'a restore'
plainly s3backup -f out -a restore -cs -m "$(keys)"
plainly s3backup -f out -a restore -cs -m "$(keys)" two
ls -A out
everything | cmp - before
