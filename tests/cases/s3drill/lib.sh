# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3drill/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
export XDG_STATE_HOME=$PWD/state
mkdir room
here=$(uname -n)
here=${here%%.*}
export TMPDIR=$PWD/room

# drill ARGUMENT...: a drill, what it says with what differs from run to run made plain, and how it ended
drill() {
    s3drill "$@" >evidence.line 2>messages
    local code=$?
    sed "s/s3drill\.[A-Za-z0-9]*/s3drill.XXXXXX/g; s/of host $here\$/of host HERE/" messages
    if [[ -s evidence.line ]]; then
        jq -c '.started |= (test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$") | tostring)
            | .versions |= (map_values(length > 2) | [keys_unsorted[] as $k | select(.[$k]) | $k])
            | .age |= (if . == null then null elif . >= 0 then "AGE" else "WRONG" end)
            | .seconds |= type | .dumps[].seconds |= type | if .check then .check.seconds |= type else . end
            | if .kept then .kept |= sub("s3drill\\.[A-Za-z0-9]*"; "s3drill.XXXXXX") else . end
            | (.dumps[] | .stored, .checksum, .bytes) |= type | .bytes |= type | .dumps[].sha256 |= length' evidence.line |
            sed "s/\"host\":\"$here\"/\"host\":\"HERE\"/"
    fi
    echo "exit $code"
}
