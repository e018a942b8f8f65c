# on: file s3serve
# Whoever may write can put any date into a name. A date that the server's clock does not bear out counts for
# nothing: neither does such a dump go, nor does it push out a real one.

. "$CASES/lib.sh"
s3put -q --make-bucket
today=$(date +%F)
for hour in 00 01 02 03; do
    echo 'data' | s3put -q --host ember --date "${today}T${hour}0000Z" /home 0 >/dev/null
done
for year in 2018 2019 2098 2099; do
    echo 'data' | s3put -q --host ember --date "$year-01-01" /home 0 >/dev/null
done
hours() { sed "s/$today\(T[0-9]*Z\)/DAY\1/"; }

s3prune --host ember --keep-last 2 2>&1 | hours
s3prune -q --host ember --keep-last 2 --delete 2>&1 | hours
s3ls -q -0 --host ember | tr '\0' '\n' | hours

now 'believed, the last ones are those of the year 2098 and 2099'
s3prune -q --host ember --keep-last 2 --trust-dates | hours
