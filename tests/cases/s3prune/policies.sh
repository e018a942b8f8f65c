# Rules say what stays; what no rule keeps goes. Dates are believed here, so that the history can be an old one.

. "$CASES/lib.sh"
s3put -q --make-bucket
for month in 11 12; do
    for day in 01 08 15 22 29; do
        echo 'data' | s3put -q --host ember --date "2018-$month-$day" /home 0 >/dev/null
    done
done
for hour in 00 06 12 18; do
    echo 'data' | s3put -q --host ember --date "2018-12-31T${hour}0000Z" /home 0 >/dev/null
done

plan() {
    echo "$ s3prune $*"
    s3prune --host ember --trust-dates -j "$@" 2>/dev/null | jq -r 'select(.action == "keep") | "stays " + .key + "  (" + (.reasons | join("; ")) + ")"'
    s3prune --host ember --trust-dates -q "$@" | wc -l
}

plan --keep-last 3
plan --keep-hourly 3
plan --keep-daily 3
plan --keep-weekly 3
plan --keep-monthly 2
plan --keep-yearly 5
plan --keep-within 2w
plan --keep-within 12h
plan --keep-last 1 --keep-daily 2 --keep-monthly 2

now 'the same plan for people, and nothing is done'
s3prune --host ember --trust-dates --keep-monthly 1
ends
s3ls -q -0 --host ember | tr '\0' '\n' | wc -l
now 'keys for pipes'
s3prune -q --host ember --trust-dates --keep-monthly 1 -0 | tr '\0' '\n' | head -n 2
