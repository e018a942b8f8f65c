# What s3backup.py answered with exit status 0, or with a backup of nothing.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
mkdir src empty out
echo data >src/file
try() { now "$*" | plain; plainly s3backup "$@"; }

now 'no configuration'
plainly s3backup -f src -a backup -c
printf '[main]\nuser=me\n' >s3backup.ini
plainly s3backup -f src -a backup -c
printf 'password=not in a section\n' >s3backup.ini
plainly s3backup -f src -a backup -c
ini
try -f nowhere -a backup -c
try -f empty -a backup -c
try -f empty -a backup -c -d -n src
try -f empty -a backup -cq --allow-empty
try -b "file://$PWD/nowhere" -f src -a backup -c
try -b "file://$PWD/nowhere" -a list
try -f out -a restore -c
try -f out -a restore -c -m nothing
try -f out -a restore -c -m meta_2016-04-01_1
now 'nobody presses Enter'
plainly s3backup -f src -a backup </dev/null
now 'somebody does'
plainly s3backup -f src -a backup <<<''
now 'wrong calls'
try
try -a backup
try -a restore
try -a dance -f src
try -f src -a backup -x
try -f src -a backup --sparkle
try -f src -a backup -n ''
try -f src -a
try -f src -a backup src
try -f src -a backup -m key
try -f src -a restore -d
try -a list --md5
try -f out -a restore -c -m "$(keys | tail -n 1)" ../file
try -f out -a restore -c -m "$(keys | tail -n 1)" nothing
ls -A out
now 'help'
s3backup --help | head -n 1
s3backup -h | cmp - <(s3backup --help)
