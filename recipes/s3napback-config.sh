# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is for the recipe that sources this
# The configuration of s3napback: what its directives mean. It is sourced, after apache.sh, and not run.
#
# It promises that every directive is known, stands where it has a meaning, and has a value that fits; anything else ends
# the recipe with the number of the line.

declare -A single=()            # what may stand once, outside of blocks
gpg_recipients=()
age_recipients=()
identities=()
notify=()
put_options=()

# Targets, by number; `given` holds what was said of target N (tN:NAME) and of cycle N (cN:NAME).
kinds=()
names=()
lines=()
cycle_of=()
cycle_names=()
declare -A given=()
declare -A fs_line=()
cycle=''                        # the block that is being read
target=''

# on_directive NAME VALUE...: called for a line by read_conf.
on_directive() {
    local name=$1
    shift
    case $name in
        directory | mysql | postgresql | subversion | subversiondir)
            [[ -z $target ]] || conf_fail "$conf_word can't stand in a block of another target"
            (($# >= 1 && $# <= 4)) || conf_fail "$conf_word takes a name, and perhaps frequency, diffs and fulls"
            add_target "$name" "$1"
            shift
            local number numbers=(frequency diffs fulls)
            for number; do
                conf_word="the number for ${numbers[0]}"
                timing "${numbers[0]}" "$number"
                numbers=("${numbers[@]:1}")
            done
            target=''
            ;;
        frequency | phase | diffs | fulls | cycletype | discs | archiveoldestdisc | usetempfile | keep | exclude | mysqloptions | postgresqloptions)
            [[ -n $target$cycle ]] || conf_fail "$conf_word stands only in blocks"
            timing "$name" "$@"
            ;;
        diffdir | tempdir | bucket | region | endpoint | patience | host | gpgkeyring | s3keyfile | chunksize | compress | logfile | loglevel | prometheusfile | healthcheckurl | writeonly | notifyon | gpgrecipient | agerecipient | agerecipientsfile | ageidentity | notifyemail | putoptions)
            [[ -z $target$cycle ]] || conf_fail "$conf_word can't stand in a block"
            (($#)) || conf_fail "$conf_word needs a value"
            general "$name" "$@"
            ;;
        *) conf_fail "there is no directive '$conf_word'" ;;
    esac
}

# general NAME VALUE...: what is about everything.
general() {
    local name=$1
    shift
    case $name in
        gpgrecipient) gpg_recipients+=("$@") ;;
        agerecipient | agerecipientsfile)
            local value flag=-r
            [[ $name == agerecipient ]] || flag=-R
            for value; do age_recipients+=("$flag" "$value"); done
            ;;
        ageidentity) identities+=("$@") ;;
        notifyemail)
            notify+=("${@%,}")
            [[ "$*" != *[$'\r\n']* ]] || conf_fail 'this is no address'
            ;;
        putoptions) put_options+=("$@") ;;
        *)
            (($# == 1)) || conf_fail "$conf_word takes one value; put quotes around one with blanks"
            [[ -z ${single[$name]+set} ]] || conf_fail "$conf_word is given twice"
            [[ -n $1 ]] || conf_fail "$conf_word is empty"
            single[$name]=$1
            ;;
    esac
    case $name in
        diffdir | tempdir | logfile | s3keyfile | prometheusfile) [[ $1 == /* ]] || conf_fail "$conf_word must begin with /" ;;
        chunksize) number_of "$1" 1 ;;
        loglevel) number_of "$1" 0 ;;
        writeonly) truth "$1" && single[$name]=$REPLY ;;
        notifyon) [[ ${1,,} =~ ^(always|failure)$ ]] || conf_fail "NotifyOn is always or failure" ;;
        host) [[ $1 != *[:/]* ]] || conf_fail "a host has neither : nor /" ;;
    esac
}

# number_of TEXT LEAST: sets REPLY to the whole number that the text is.
number_of() {
    REPLY=-1
    [[ ! $1 =~ ^[0-9]{1,12}$ ]] || REPLY=$((10#$1))
    ((REPLY >= $2)) || conf_fail "$conf_word must be a whole number, at least $2"
}

# truth TEXT: sets REPLY to yes or nothing.
truth() {
    case ${1,,} in
        1 | on | yes | true) REPLY=yes ;;
        0 | off | no | false) REPLY='' ;;
        *) conf_fail "$conf_word is On or Off" ;;
    esac
}

# timing NAME VALUE...: what is about the target, or else the cycle, that is being read.
timing() {
    local name=$1 scope value
    shift
    scope=${target:+t$target}
    scope=${scope:-c$cycle}:$name
    (($#)) || conf_fail "$conf_word needs a value"
    case $name in
        exclude | mysqloptions | postgresqloptions)
            for value; do
                # Everybody can read the arguments of a program.
                case $name:$value in
                    mysqloptions:-p* | mysqloptions:--pas* | postgresqloptions:*password=* | postgresqloptions:*://*)
                        conf_fail 'a password has no place here' 'it belongs into .my.cnf or .pgpass'
                        ;;
                esac
                given[$scope]+="$value"$'\n'
            done
            return
            ;;
    esac
    [[ -z ${given[$scope]+set} ]] || conf_fail "$conf_word is given twice"
    if [[ $name == keep ]]; then
        given[$scope]=$(keep_flags "$@") || conf_fail 'Keep takes pairs such as daily 7 weekly 4' 'last, hourly, daily, weekly, monthly and yearly take a number, within a span such as 30d'
        return
    fi
    (($# == 1)) || conf_fail "$conf_word takes one value"
    case $name in
        frequency | fulls | discs) number_of "$1" 1 ;;
        phase | diffs) number_of "$1" 0 ;;
        usetempfile | archiveoldestdisc) truth "$1" ;;
        cycletype)
            [[ ${1,,} =~ ^(simple|hanoi)(cycle)?$ ]] || conf_fail 'CycleType is SimpleCycle or HanoiCycle'
            REPLY=${BASH_REMATCH[1]}
            ;;
    esac
    [[ $name != discs ]] || ((REPLY <= 20)) || conf_fail 'Discs is at most 20'
    given[$scope]=$REPLY
}

# keep_flags daily 7 ...: the options of s3prune.
keep_flags() {
    local flags=''
    (($# > 0 && $# % 2 == 0)) || return
    while (($#)); do
        case ${1,,} in
            last | hourly | daily | weekly | monthly | yearly) [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || return ;;
            within) [[ $2 =~ ^([0-9]+[hdwmy])+$ ]] || return ;;
            *) return 1 ;;
        esac
        flags+=" --keep-${1,,} $2"
        shift 2
    done
    printf '%s' "${flags# }"
}

# add_target KIND NAME: a target begins.
add_target() {
    local kind=$1 name=$2 fs
    [[ -n $name ]] || conf_fail "$conf_word needs a name"
    case $kind in
        directory | subversion | subversiondir)
            [[ $name == /* ]] || conf_fail "$conf_word must begin with /"
            while [[ $name == *//* ]]; do name=${name//\/\//\/}; done
            [[ $name == / ]] || name=${name%/}
            [[ $name/ != */../* && $name/ != */./* ]] || conf_fail "$conf_word can't have . or .. in it"
            ;;
        mysql) [[ ${name##*:} != -* && -n ${name##*:} ]] || conf_fail 'this is no name of a database' ;;
        postgresql)
            [[ $name != -* && ${name##*@} != -* && -n ${name##*@} && $name != *=* && $name != *://* ]] ||
                conf_fail 'this is no name of a database' 'where it is, and as whom, PostgreSQLOptions can say'
            ;;
    esac
    fs=$kind:$name
    [[ -z ${fs_line[$fs]:-} ]] || conf_fail "$conf_word $name is here already in ${fs_line[$fs]}"
    fs_line[$fs]="line $conf_line of $conf_name"
    target=${#kinds[@]}
    kinds+=("$kind")
    names+=("$name")
    lines+=("$conf_line")
    cycle_of+=("$cycle")
}

on_block() {
    local name=$1
    shift
    [[ -z $target ]] || conf_fail "a block of a target can't hold another block"
    case $name in
        cycle)
            [[ -z $cycle ]] || conf_fail "a cycle can't hold another one"
            (($# < 2)) || conf_fail 'a cycle has one name, or none'
            cycle=${#cycle_names[@]}
            cycle_names+=("${1:-}")
            block_line=$conf_line
            ;;
        directory | mysql | postgresql | subversion | subversiondir)
            (($# == 1)) || conf_fail "<$conf_word> takes one name; put quotes around one with blanks"
            add_target "$name" "$1"
            ;;
        *) conf_fail "there is no block <$conf_word>" ;;
    esac
}

on_end() {
    local open=''
    if [[ -n $target ]]; then
        open=${kinds[$target]}
        # The example that came with the first s3napback ends the one with the other.
        if [[ $1 != "$open" && $1 == subversion* && $open == subversion* ]]; then
            say warning "$conf_name: line $conf_line: </$conf_word> ends the block of another kind that line ${lines[$target]} begins"
            open=$1
        fi
        [[ $1 == "$open" ]] || conf_fail "</$conf_word> doesn't end the block that line ${lines[$target]} begins"
        target=''
    elif [[ -n $cycle ]]; then
        [[ $1 == cycle ]] || conf_fail "</$conf_word> doesn't end the block that line $block_line begins"
        cycle=''
    else
        conf_fail "</$conf_word> ends nothing"
    fi
}

# configuration FILE [NAME]: reads it to its end.
configuration() {
    read_conf "$@"
    [[ -z $target ]] || fail "could not read $conf_name: the block that line ${lines[$target]} begins has no end"
    [[ -z $cycle ]] || fail "could not read $conf_name: the block that line $block_line begins has no end"
}

# property N NAME DEFAULT: sets REPLY to what the target says, or its cycle, or the default.
property() {
    REPLY=${given[t$1:$2]-${given[c${cycle_of[$1]}:$2]-$3}}
}

# properties N NAME: sets `list` to all that the cycle and the target say.
properties() {
    local all=''
    [[ -z ${cycle_of[$1]} ]] || all=${given[c${cycle_of[$1]}:$2]:-}
    all+=${given[t$1:$2]:-}
    list=()
    [[ -z $all ]] || mapfile -t list <<<"${all%$'\n'}"
}
