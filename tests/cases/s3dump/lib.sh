# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3dump/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH

# Five days that the server's clock bears out, whatever the day is.
day1=$(date -d '-2 days' +%F)
day2=$(date -d '-1 day' +%F)
day3=$(date +%F)
day4=$(date -d '+1 day' +%F)
day5=$(date -d '+2 days' +%F)

# plainly: gives the five days and this host fixed names; and leaves out who was seen before s3put in the pipe, because
# a short stream's producer may have ended by then
plainly() {
    local host
    host=$(uname -n)
    sed "/^s3put: detail: \(watching\|upstream\)/d; s/$day1/DAY1/g; s/$day2/DAY2/g; s/$day3/DAY3/g; s/$day4/DAY4/g; s/$day5/DAY5/g; s/DAY3T[0-9:]*Z/NOW/g; s/\<${host%%.*}\([:)]\)/HERE\1/g"
}
