# needs: faketime
# The towers of Hanoi: each disc holds the newest dump of its days, so that ages double; over New Year, with a day missed.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home archive
{
    start
    cat <<END
<Directory $PWD/home>
    CycleType HanoiCycle
    Discs 4
</Directory>
<Directory $PWD/archive>
    CycleType HanoiCycle
    Discs 3
    ArchiveOldestDisc On
</Directory>
END
} >conf
day=2025-12-20
for number in {1..17}; do
    clock $day
    echo "$day" >home/day
    # The fifth day is missed.
    [ $number = 5 ] || napback -q
    echo "$day: $(keys | sed -n 's,.*/home:0:2...-\(.....\)T.*,\1,p' | tr '\n' ' ')"
    day=$(/bin/date -u -d "$day +1 day" +%F)
done
now 'those of the oldest disc of the other one stay for ever'
keys | sed -n 's,.*/archive:,,p'
now 'each of them is full'
s3napback -q -c conf restore "$PWD/home" --at 2025-12-31 -C back
cat "back$PWD/home/day"
