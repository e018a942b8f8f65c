# shellcheck shell=bash
# What the recipes share: how they speak, how they end, and where they find the bucket. It is sourced, not run.
#
# It promises the messages and the exit codes of the tools (0 done, 1 nothing, 2 called wrongly, 100 permanent, 111
# temporary), needs nothing of its environment but PATH, and never prints what a settings file says.

set -uo pipefail

# The bucket, as the tools take it: -f FILE, or nothing where the environment names it.
# shellcheck disable=SC2034 # it is for the recipe that sources this
place=()

# say LABEL TEXT
say() {
    printf '%s: %s: %s\n' "${0##*/}" "$1" "$2" >&2
}

# wrong TEXT [HINT]: the recipe was called wrongly.
wrong() {
    local hint="see '${0##*/} --help'"
    say error "$1"
    say hint "${2:-$hint}"
    exit 2
}

# fail TEXT [HINT]: it can't be carried out until something is fixed.
fail() {
    say error "$1"
    [[ -z ${2:-} ]] || say hint "$2"
    exit 100
}

# need PROGRAM...: ends here, and not in the middle of a pipeline, if one is missing.
need() {
    local program
    for program; do
        if ! command -v "$program" >/dev/null; then
            say error "could not find $program on the PATH"
            exit 100
        fi
    done
}

# find_place FILE DEFAULT: the bucket is the one of the settings file FILE; without one that of DEFAULT if it exists; else
# that of the environment. A file that names a bucket means that one, whatever S3_BUCKET says.
find_place() {
    local file=$1
    if [[ -z $file && -n $2 && -e $2 ]]; then
        file=$2
    fi
    if [[ -n $file ]]; then
        # shellcheck disable=SC2034 # as above
        place=(-f "$file")
        if grep -Eqs '^[[:blank:]]*bucket_name[[:blank:]]' -- "$file"; then
            unset S3_BUCKET
        fi
    elif [[ -z ${S3_BUCKET:-} ]]; then
        wrong 'no bucket is named' "use -f FILE, or set S3_BUCKET${2:+, or write $2}"
    fi
}

# setting FILE KEY: the value of KEY in a settings file, as s3keys(5) says.
setting() { sed -n "s/^[[:blank:]]*$2[[:blank:]]\{1,\}\(.*[^[:space:]]\)[[:space:]]*\$/\1/p" "$1"; }

# server_of BUCKET [FILE]: the server that holds the bucket, where the settings file FILE or the environment names one. Two
# servers may have buckets of the same name.
server_of() {
    local server=''
    [[ $1 != file://* ]] || return 0
    [[ -z ${2:-} ]] || server=$(setting "$2" server)
    server=${server:-${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-}}}
    printf '%s' "${server%/}"
}

# json_text STRING: the text that a JSON string without control characters stands for.
json_text() {
    # Inside of the quotes every quote follows the backslash that is its own, so the order of the two steps is right.
    local text=${1//\\\"/\"}
    printf '%s' "${text//\\\\/\\}"
}

# find_state NAME: sets `state` to the folder in which NAME keeps what it must remember from run to run: systemd's
# (StateDirectory=), or the one that XDG means, or one below /var/lib/s3pipes for root.
find_state() {
    if [[ -n ${STATE_DIRECTORY:-} ]]; then
        state=${STATE_DIRECTORY%%:*}
    elif [[ -n ${XDG_STATE_HOME:-} ]]; then
        state=$XDG_STATE_HOME/s3pipes/$1
    elif ((EUID == 0)); then
        state=/var/lib/s3pipes/$1
    elif [[ -n ${HOME:-} ]]; then
        state=$HOME/.local/state/s3pipes/$1
    else
        fail 'could not find a folder for what must be remembered' 'set HOME or XDG_STATE_HOME'
    fi
}

# make_state NAME: finds that folder, and makes it.
make_state() {
    find_state "$1"
    (umask 077 && mkdir -p -- "$state") || fail "could not make the folder $state"
}

# lock FILE: holds FILE as long as this program and what it starts run; ends with 111 if somebody else holds it.
lock() {
    local held
    exec {held}>>"$1" || fail "could not open $1"
    if ! flock -n "$held"; then
        say error "another ${0##*/} is at work (it holds $1)"
        exit 111
    fi
}

# outcome STATUS...: the exit code of a pipeline whose programs ended so, from the first one on: that of the first that
# failed by itself. Who lost its reader (141) failed because of another one.
outcome() {
    local status worst=0
    for status; do
        case $status in
            0) ;;
            141) worst=100 ;;
            111) return 111 ;;
            *) return 100 ;;
        esac
    done
    return "$worst"
}

# json_string TEXT: a JSON string that stands for TEXT, with its quotes.
json_string() {
    local text=${1//\\/\\\\} at letter shown=''
    text=${text//\"/\\\"}
    if [[ $text == *[[:cntrl:]]* ]]; then
        for ((at = 0; at < ${#text}; at++)); do
            letter=${text:at:1}
            [[ $letter != [[:cntrl:]] ]] || printf -v letter '\\u%04x' "'$letter"
            shown+=$letter
        done
        text=$shown
    fi
    printf '"%s"' "$text"
}

# alongside COMMAND...: runs a function in a shell beside this one, and waits for it, so that a signal to this shell is heeded at
# once and not after hours. Where it can be ended by a signal, its EXIT trap calls end_alongside.
alongside_us=''
alongside() {
    local code
    "$@" &
    alongside_us=$!
    wait "$alongside_us"
    code=$?
    alongside_us=''
    return "$code"
}

# end_alongside: ends the programs that it has started, and waits for what they have to tidy up.
end_alongside() {
    local programs
    [[ -n $alongside_us ]] || return 0
    read -ra programs <"/proc/$alongside_us/task/$alongside_us/children" || true
    [[ -z ${programs[*]-} ]] || kill "${programs[@]}"
    wait "$alongside_us"
    alongside_us=''
} 2>/dev/null
