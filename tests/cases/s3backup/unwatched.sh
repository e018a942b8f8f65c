# on: file s3serve
# A tar that dies leaves no backup, teaches the known file nothing, and no upload behind. One backup runs at a time.

. "$CASES/lib.sh"
. "$CASES/s3backup/lib.sh"
s3put -q --make-bucket
quick_ini
mkdir src out bin
noise 1 3000000 >src/file
s3backup -q -f src -a backup -c
everything >before
real=$(command -v tar)
# die STATUS: a tar that writes some of the stream and ends like that
die() {
    printf '#!/bin/bash\n%q "$@" | head -c 1000000\nexit %s\n' "$real" "$1" >bin/tar
    chmod +x bin/tar
}
noise 2 3000000 >src/more
die 2
# Whether s3put has seen it is a matter of luck.
plainly env PATH="$PWD/bin:$PATH" s3backup -f src -a backup -c | grep -v '^s3put: '
everything | diff - before && echo 'nothing changed'
s3ls --uploads -a
ends
now 'it is cut, and says that all is well'
die 0
plainly env PATH="$PWD/bin:$PATH" s3backup -f src -a backup -c
everything | diff - before && echo 'nothing changed'

now 'two at a time'
exec 5>"$(echo state/s3pipes/s3backup/*.running)"
flock 5
plainly s3backup -f src -a backup -c
exec 5>&-
plainly s3backup -f src -a backup -cq

now 'one that is ended: at once, and it leaves nothing'
everything >before
mkfifo writing
# shellcheck disable=SC2016
printf '#!/bin/bash\n%q "$@" | head -c 1000000\necho >writing\nexec sleep 1000\n' "$real" >bin/tar
PATH="$PWD/bin:$PATH" s3backup -q -f src -a backup -c 2>/dev/null &
read -r <writing
kill $!
wait $!
ends
everything | diff - before && echo 'nothing changed'
s3ls --uploads -a
ends
now 'one that is ended when all was sent: what was prepared is taken back'
rm bin/tar
# The stand-in outlives the signal that it sends, so that bash has no death of it to report.
printf '#!/bin/bash\n%q "$@"\ncode=$?\ntrap "" TERM\n[[ $* != *--prepare* ]] || kill "$RECIPE"\nexit $code\n' "$(command -v s3put)" >bin/s3put
chmod +x bin/s3put
# shellcheck disable=SC2016
PATH="$PWD/bin:$PATH" bash -c 'export RECIPE=$$; exec s3backup -q -f src -a backup -c'
ends
everything | diff - before && echo 'nothing changed'
s3ls --uploads -a
ends
