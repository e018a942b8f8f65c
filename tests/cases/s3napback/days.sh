# needs: faketime
# Twelve days with full dumps and differences, two of them missed, over New Year: what is missed is caught up, the new year
# changes nothing, and every day can be restored, with what was deleted gone.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
{
    start
    cat <<END
# a cycle of four, and two of them
<Directory "$PWD/my home">
    Frequency 1
    Diffs 4
    Fulls 2
    Exclude *.tmp
</Directory>
END
} >conf
tree 'my home'
mkdir days

# day DATE: something changes, and the recipe runs
day() {
    clock "$1"
    echo "$1" >"my home/today"
    rm -f "my home/yesterday"
    [ ! -e "my home/made" ] || mv "my home/made" "my home/yesterday"
    echo "$1" >"my home/made"
    echo junk >"my home/a/junk.tmp"
    napback | sed "s,$PWD,SCRATCH/desk,"
    cp -a "my home" "days/$1"
    rm "days/$1/a/junk.tmp"
}

now 'four days are a cycle'
for day in 2025-12-24 2025-12-25 2025-12-26 2025-12-27; do day $day; done
now 'the machine is off for two days; the next day is due at once'
day 2025-12-30
now 'a second run on the same day has nothing to do'
napback
ends
now 'New Year'
for day in 2025-12-31 2026-01-01 2026-01-02; do day $day; done
now 'the ninth dump begins the third cycle; the first dumps stay, for the last eight can be restored only with them'
day 2026-01-03
now 'until none of the last eight needs them'
for day in 2026-01-04 2026-01-05 2026-01-06; do day $day; done
keys | sed "s,$PWD,SCRATCH/desk,"

now 'every day that is stored comes back as it was'
for day in 2025-12-30 2025-12-31 2026-01-01 2026-01-02 2026-01-03 2026-01-06; do
    s3napback -q -c conf restore "$PWD/my home" --at $day -C "back/$day"
    echo "$day: exit $?, $(same "days/$day" "back/$day$PWD/my home")"
done
now 'without a day it is the last one'
s3napback -c conf restore "$PWD/my home" -C back/last 2>&1 | sed "s,$PWD,SCRATCH/desk,"
same days/2026-01-06 "back/last$PWD/my home"
now 'before the first one'
s3napback -q -c conf restore "$PWD/my home" --at 2025-12-29 -C back/none 2>&1 | sed "s,$PWD,SCRATCH/desk,"
echo "exit ${PIPESTATUS[0]}"
