# needs: faketime
# A schedule that decays, with differences: what stays keeps the dumps that it needs. And weekly dumps, with and without a
# phase.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
mkdir home weekly phase
{
    start
    cat <<END
<Directory $PWD/home>
    Diffs 2
    Keep daily 3 weekly 2 monthly 2
</Directory>
END
} >conf
day=2025-12-28
for _ in {1..18}; do
    clock $day
    echo "$day" >home/day
    napback -q
    day=$(/bin/date -u -d "$day +1 day" +%F)
done
now 'the last 3 days, the last dumps of 2 weeks and 2 months, and the full dumps that those differ from'
keys | sed 's,.*/home:,,'
now 'each can be restored'
for day in 2025-12-31 2026-01-11 2026-01-14; do
    s3napback -q -c conf restore "$PWD/home" --at $day -C "back/$day"
    cat "back/$day$PWD/home/day"
done
now 'less is kept from now on; a run that stores nothing removes nothing, and prune does'
sed -i 's/Keep .*/Keep last 2/' conf
napback
napback -t prune | sed 's,ember.*/home:,,'
napback prune | sed 's,ember.*/home:,,'

now 'weekly: seven days after the last one, whenever that was'
{ start; printf 'Directory %s 7 1 9\n' "$PWD/weekly"; printf '<Directory %s>\nFrequency 7\nPhase 3\nDiffs 1\n</Directory>\n' "$PWD/phase"; } >conf
for day in 2026-02-02 2026-02-08 2026-02-09 2026-02-18 2026-02-19 2026-02-24 2026-02-25 2026-02-26; do
    clock $day
    printf '%s (%s): ' $day "$(/bin/date -d $day +%a)"
    napback | sed 's,.*/\([a-z]*\): full.*,\1,' | sort | tr '\n' ' '
    echo
done
now 'with the phase it is due on Mondays, and caught up after one that was missed'
napback -t | grep due | sed "s,$PWD,SCRATCH/desk,"
