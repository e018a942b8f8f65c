# needs: setpriv
# What can't be read is named, everything else is stored, and the run ends with 1. A FIFO doesn't stop it.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
quick_ini
mkdir -p src/locked out
mkfifo src/fifo
echo 'secret' >src/closed
echo 'inside' >src/locked/file
echo 'open' >src/open
echo 'line feed' >src/$'line\nfeed'
s3backup -q -f src -n src -a backup -c
chmod 000 src/closed src/locked
# Root reads everything, unless it gives up that right.
common() { "$@"; }
if [[ $(id -u) == 0 ]]; then
    common() { setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all "$@"; }
fi

now 'a simulation says so, too'
plainly common "$(command -v s3backup)" -f src -n src -a backup -cs
now 'a backup; and -d deletes nothing after it'
plainly common "$(command -v s3backup)" -f src -n src -a backup -c -d --full --grace 4h
chmod 700 src/closed src/locked
keys | wc -l
s3backup -a list -m "$(keys | tail -n 1)"
s3backup -q -f out -n src -a restore -c
cat out/open out/line*
test -p out/fifo
ends
