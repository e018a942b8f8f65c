# needs: faketime
# What DiffDir remembers has the name of its dump. If it is lost, or isn't what is stored, the next dump is full; if only the
# last step was lost, nothing else is.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home
{ start; echo "Directory $PWD/home 1 4 2"; } >conf
in_desk() { sed "s,$PWD,SCRATCH/desk,g"; }
# day DATE: a new file, and a run
day() {
    clock "$1"
    echo "$1" >"home/$1"
    napback "${@:2}" | in_desk
}
states() { (cd state && ls -- *.diff.* | sed 's/.*\.diff\./state: /'); }

day 2026-03-01
day 2026-03-02
now 'the machine died after the dump was stored, and before the state was kept'
cp -a state before
day 2026-03-03
rm -r state && mv before state
now 'the next difference begins where the state is, and what is stored can be restored'
day 2026-03-04
states
s3ls -q --host ember --chain "$PWD/home" | in_desk
s3napback -q -c conf restore "$PWD/home" -C back
same home "back$PWD/home"
s3napback -q -c conf restore "$PWD/home" --at 2026-03-03 -C third
ls "third$PWD/home"

now 'the state is lost'
rm state/*.diff.*
day 2026-03-05
now 'somebody removed the dump to which the state belongs'
s3prune -q --delete --force -k "ember:$PWD/home:0:2026-03-05T031000Z" | in_desk
day 2026-03-06
now 'somebody else made a full dump in the meantime: ours would seem to go on from that'
clock 2026-03-07
echo other | s3put -q --host ember --date 2026-03-07T010000Z "$PWD/home" 0 >/dev/null
day 2026-03-08
now 'a dump with a date that the server does not bear out counts for nothing'
echo other | s3put -q --host ember --date 2099-01-01T000000Z "$PWD/home" 0 >/dev/null
day 2026-03-09
now 'asked for on the same day'
day 2026-03-09 -t | grep -v '^ '
day 2026-03-09
clock 2026-03-09 12:00:00
napback -f | in_desk
clock 2026-03-09 13:00:00
napback --full | in_desk
now 'the clock is behind'
clock 2026-03-05
napback -d | in_desk
now 'a name whose letters take several bytes is too long for a file in DiffDir sooner'
clock 2026-04-01
deep=$PWD
for _ in 1 2; do deep+=/$(yes ä | head -n $(((146 - ${#PWD}) / 2)) | tr -d '\n'); done
mkdir -p "$deep"
{ start; echo "Directory $deep 1 4 2"; } >conf
LC_ALL=C.UTF-8 s3napback -q -c conf 2>&1 | in_desk
states | grep -c .
find state -name '*%????????????????????????????????.diff.0.*' | grep -c .
