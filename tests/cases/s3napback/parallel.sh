# needs: faketime flock
# Several targets at once; one run at a time; a run that is ended takes all that it started with it, and leaves nothing.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
start >conf
for number in {1..7}; do
    mkdir "home$number"
    echo "$number" >"home$number/file"
    echo "Directory $PWD/home$number" >>conf
done
in_desk() { sed "s,$PWD,SCRATCH/desk,g"; }

now 'all of them'
napback -j 3 | sort | in_desk
echo "exit ${PIPESTATUS[0]}"
now 'three at once: each waits until two more have begun'
mkdir bin met
cat >bin/tar <<'END'
#!/bin/sh
: >"met/$$"
tries=0
until [ "$(ls met | wc -l)" -ge 3 ] || [ $tries = 1000 ]; do tries=$((tries + 1)); sleep 0.01; done
[ $tries = 1000 ] && exit 9
exec /usr/bin/tar "$@"
END
chmod +x bin/tar
clock 2026-03-21
PATH=$PWD/bin:$PATH napback -j 3 "$PWD/home1" "$PWD/home2" "$PWD/home3" | sort | in_desk
now 'some fail, and the others do not'
rm -r home4 home6
clock 2026-03-22
napback -j 4 | sort | in_desk
echo "exit ${PIPESTATUS[0]}"

now 'a second run, while one is under way'
cat >bin/tar <<'END'
#!/bin/sh
echo $$ >"began.$$"
exec sleep 1000
END
clock 2026-03-23
PATH=$PWD/bin:$PATH s3napback -c conf "$PWD/home1" "$PWD/home2" -j 2 >said 2>&1 &
first=$!
begun() { [ "$(cat began.* 2>/dev/null | wc -l)" = 2 ]; }
comes_true begun
napback 2>&1 | in_desk
echo "exit ${PIPESTATUS[0]}"
now 'the first one is ended'
upload() { s3ls -q -j --uploads --host ember 2>/dev/null | grep -q .; }
kill -TERM $first
wait $first
ends
grep -v '^s3put\|^Terminated' said | sort -u | in_desk
for pid in $(cat began.*); do
    # Who is dead, and waits for an init to notice, doesn't run.
    state=$(ps -o stat= -p "$pid")
    [[ ${state:-Z} == Z* ]] || echo 'it is still running'
done
upload || echo 'nothing is left unfinished'
ls state | sed 's/.*_home/home/' | grep new
now 'the next one goes on as if nothing had been'
napback "$PWD/home1" | in_desk
