# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here is for the recipe that sources this, and the other way round
# What s3napback has stored, what is due, and what goes again. It is sourced, and not run.
#
# It promises to conclude from the names of what is stored and from the names of the states in DiffDir, and from nothing
# else but today's date.

# --- time -------------------------------------------------------------------------------------------------------------

# day_of YYYY-MM-DD: sets REPLY to the days since 1970, by counting years that begin in March.
day_of() {
    local y=$((10#${1:0:4})) m=$((10#${1:5:2})) d=$((10#${1:8:2}))
    ((m > 2 ? (m -= 3) : (m += 9, y -= 1)))
    REPLY=$((365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 719469))
}

# day_of_dump DATE: the same for the date of a dump: that of a second in UTC is a day here.
day_of_dump() {
    local day=$1 local_day
    if [[ $1 =~ ^([0-9-]{10})T([0-9]{2})([0-9]{2})([0-9]{2})Z ]]; then
        day_of "$1"
        printf -v local_day '%(%F)T' $((REPLY * 86400 + 10#${BASH_REMATCH[2]} * 3600 + 10#${BASH_REMATCH[3]} * 60 + 10#${BASH_REMATCH[4]}))
        day=$local_day
    fi
    day_of "$day"
}

# --- what is stored ---------------------------------------------------------------------------------------------------

declare -A stored=()            # FS -> lines: DATE LEVEL TRUSTED WHOLE SIZE

# load_stored: fills `stored`, by one listing. The code is that of s3ls, if it failed.
load_stored() {
    local line code said
    local text='(([^"\\]|\\.)*)'
    local form='^\{"key":"'$text'","host":"'$text'","fs":"'$text'","level":([0-9]+),"date":"([^"]*)","size":([0-9]+),.*"date_trusted":(true|false),"flaw":(null)?'
    said=$(s3 s3ls -q -j --no-checksum "${place[@]}" --host "$1" 2>"$work/said")
    code=$?
    # It says that there is nothing, which is no trouble here.
    ((code == 1)) || cat "$work/said" >&2
    ((code < 2)) || return "$code"
    while IFS= read -r line; do
        [[ $line =~ $form ]] || continue
        stored[$(json_text "${BASH_REMATCH[5]}")]+="${BASH_REMATCH[8]} ${BASH_REMATCH[7]} ${BASH_REMATCH[10]} ${BASH_REMATCH[11]:-flawed} ${BASH_REMATCH[9]}"$'\n'
    done <<<"$said"
}

# same_place: ends here if DiffDir is about another bucket or host: what it would go on from is not there.
same_place() {
    local here url=${single[bucket]:-${S3_BUCKET:-}} file=${single[diffdir]}/place
    [[ $url == *://* ]] || url=s3://$url
    here=${single[endpoint]:-$(server_of "$url" "${single[s3keyfile]:-}")}
    here="$url${here:+ on ${here%/}} for $host"
    if [[ ! -e $file ]]; then
        [[ -n $dry ]] || printf '%s\n' "$here" >"$file" || fail "could not begin: $file can't be written"
    elif [[ -n ${single[writeonly]:-} && $here != "$(<"$file")" ]]; then
        fail "could not begin: DiffDir ${single[diffdir]} is about what is stored in $(<"$file"), not in $here" \
            "use another DiffDir; or remove $file if all that is stored was moved, too"
    fi
}

# load_states: fills `stored` with what DiffDir remembers, for a key that may not list.
load_states() {
    local i file
    for ((i = 0; i < ${#w_fs[@]}; i++)); do
        file_of "${w_fs[i]}"
        for state in "$REPLY".diff.*; do
            [[ ${state#"$REPLY".diff.} =~ ^([0-9]+)\.([0-9].*)$ ]] || continue
            stored[${w_fs[i]}]+="${BASH_REMATCH[2]} ${BASH_REMATCH[1]} true null 0"$'\n'
        done
    done
}

# newest FS: sets newest_date, newest_level and newest_size to those of the newest dump that is whole and bears a true date.
newest() {
    local date level trusted whole size
    newest_date=''
    while read -r date level trusted whole size; do
        if [[ $trusted == true && $whole == null && $date > $newest_date ]]; then
            newest_date=$date newest_level=$level newest_size=$size
        fi
    done <<<"${stored[$1]:-}"
    [[ -n $newest_date ]]
}

# parent FS LEVEL DATE: sets parent_level and parent_date, by the rule of levels; fails if it is missing or not whole.
parent() {
    local date level trusted whole size found=''
    parent_date=''
    while read -r date level trusted whole size; do
        if [[ -n $date && $date < $3 && $date > $parent_date ]] && ((level < $2)); then
            parent_date=$date parent_level=$level found=$whole
        fi
    done <<<"${stored[$1]:-}"
    [[ $found == null ]]
}

# restorable FS LEVEL DATE: whether all is there that the dump needs.
restorable() {
    local level=$2 date=$3
    while ((level > 0)); do
        parent "$1" "$level" "$date" || return
        level=$parent_level date=$parent_date
    done
}

# --- what is due ------------------------------------------------------------------------------------------------------

# file_of FS: sets REPLY to the beginning of the names of its files in DiffDir: / is _, and what would be ambiguous %XX.
file_of() {
    # What a name may hold is limited in bytes.
    local name=$1 LC_ALL=C
    name=${name//%/%25}
    name=${name//_/%5F}
    name=${name//\//_}
    if ((${#name} > 150)); then
        name=${name:0:80}%$(printf '%s' "$1" | sha256sum | cut -c1-32)
    fi
    REPLY=${single[diffdir]}/$name
}

# The work: targets, those of SubversionDir one by one.
w_target=()
w_kind=()
w_name=()
w_fs=()
w_failed=()

add_work() {
    local fs
    case $2 in
        directory) fs=$3 ;;
        subversion) fs=Subversion$3 ;;
        mysql) fs=MySQL/$3 ;;
        postgresql) fs=PostgreSQL/$3 ;;
    esac
    fs=${fs//%/%25}
    w_target+=("$1")
    w_kind+=("$2")
    w_name+=("$3")
    w_fs+=("${fs//:/%3A}")
    w_failed+=('')
}

# spread: the targets become work.
spread() {
    local i repository found
    for ((i = 0; i < ${#kinds[@]}; i++)); do
        chosen "$i" || continue
        if [[ ${kinds[i]} != subversiondir ]]; then
            add_work "$i" "${kinds[i]}" "${names[i]}"
            continue
        fi
        found=''
        for repository in "${names[i]}"/*/; do
            [[ -e $repository/format && -d $repository/db ]] || continue
            repository=${repository%/}
            # A repository that is a target itself has its own timing.
            if [[ -z ${fs_line[subversion:$repository]:-} ]]; then
                add_work "$i" subversion "$repository"
            fi
            found=yes
        done
        if [[ -z $found ]]; then
            tell 0 "could not back up ${names[i]}: it holds no repository"
            worsen 100
            ((counts[failed] += 1))
        fi
    done
}

# chosen N: whether the target is among those to which the run keeps.
chosen() {
    local name
    ((${#choice[@]})) || return 0
    for name in "${choice[@]}"; do
        if matches "$1" "$name"; then return 0; fi
    done
    return 1
}

matches() {
    local kind=${2%%/*}
    [[ $2 == "${names[$1]}" || (${kind,,} == "${kinds[$1]}" && ($kind/${names[$1]} == "$2" || $kind${names[$1]} == "$2")) || (-n ${cycle_of[$1]} && $2 == "${cycle_names[${cycle_of[$1]}]}") ]]
}

# plan N: sets `action` to full, diff, wait or skip, `why`, `level`, and `base`, the state that a difference begins with.
plan() {
    local i=${w_target[$1]} fs=${w_fs[$1]} kind=${w_kind[$1]} due state states='' date frequency phase
    action=full why='nothing is stored' level=0 base=''
    cycle_length "$i"
    if newest "$fs"; then
        property "$i" frequency 1
        frequency=$REPLY
        property "$i" phase ''
        phase=$REPLY
        day_of_dump "$newest_date"
        if [[ -n $phase ]]; then
            due=$((((REPLY + phase) / frequency + 1) * frequency - phase))
        else
            due=$((REPLY + frequency))
        fi
        if ((today < due)) && [[ -z $force ]]; then
            action='wait'
            printf -v why '%(%F)T' $((due * 86400 + 43200))
            ((today >= REPLY)) || tell 1 "the newest dump of $fs is of a day that is yet to come, $newest_date"
            return
        fi
        why="the cycle of $length is complete"
        ((length > 1)) || why='it is due'
    fi
    [[ -z $full ]] || why='--full was given'
    if ((length > 1)) && [[ -z $full && -n $newest_date ]]; then
        file_of "$fs"
        for state in "$REPLY".diff.*; do
            [[ ${state#"$REPLY".diff.} =~ ^([0-9]+)\.([0-9].*)$ ]] || continue
            date=${BASH_REMATCH[2]}
            [[ $date > $states && -s $state ]] || continue
            states=$date level=${BASH_REMATCH[1]} base=$state
        done
        if [[ -z $base ]]; then
            why='what DiffDir remembers is lost'
        elif [[ -z ${single[writeonly]:-} ]] && ! fits "$fs" "$level" "$states"; then
            why='what DiffDir remembers is not what is stored'
        elif ((level + 1 < length)); then
            ((level += 1))
            action=diff why="level $level"
            [[ $kind != subversion ]] || plan_revisions "${w_name[$1]}"
            [[ $action == full ]] || return
        fi
        level=0 base=''
    fi
}

# cycle_length N: sets `length` to the number of dumps from one full one to the next.
cycle_length() {
    length=1
    property "$1" cycletype simple
    case $REPLY:${kinds[$1]} in
        hanoi:* | *:mysql | *:postgresql) return ;;
        *:directory) property "$1" diffs 7 ;;
        *) property "$1" diffs 0 ;;
    esac
    ((REPLY < 2)) || length=$REPLY
}

# fits FS LEVEL DATE: whether the dump is there, can be restored, and is the parent of what comes next.
fits() {
    local date level trusted whole size there=''
    while read -r date level trusted whole size; do
        [[ -n $date ]] || continue
        if [[ $date == "$3" ]] && ((level == $2)); then
            [[ $whole == null ]] && there=yes
        elif [[ $date > $3 && $date < $moment ]] && ((level <= $2)); then
            return 1
        fi
    done <<<"${stored[$1]:-}"
    [[ -n $there ]] && restorable "$1" "$2" "$3"
}

# plan_revisions REPOSITORY: what the difference would hold.
plan_revisions() {
    local rest last uuid youngest
    read -r last uuid rest <"$base"
    # One that can't be read is not another one: that is for whoever reads it to say.
    youngest=$(svnlook youngest -- "$1" 2>/dev/null) || return
    if [[ ! $last =~ ^[0-9]+$ || $uuid != "$(svnlook uuid -- "$1" 2>/dev/null)" ]] || ((youngest < last)); then
        action=full why='the repository is not the one of the last dump'
    elif ((youngest == last)); then
        action=skip why="nothing is new since revision $last"
    fi
}

# --- what goes again --------------------------------------------------------------------------------------------------

# policy N: sets REPLY to the options of s3prune, or to hanoi, the number of discs and whether the oldest is an archive.
policy() {
    local fulls
    property "$1" keep ''
    [[ -z $REPLY ]] || return 0
    property "$1" cycletype simple
    if [[ $REPLY == hanoi ]]; then
        property "$1" discs 5
        fulls=$REPLY
        property "$1" archiveoldestdisc ''
        REPLY="hanoi $fulls $REPLY"
        REPLY=${REPLY% }
        return
    fi
    cycle_length "$1"
    property "$1" fulls 4
    REPLY="--keep-last $((REPLY * length))"
}

# disc DATE FREQUENCY DISCS: sets REPLY to the disc of the towers of Hanoi that is moved on that day, from 0.
disc() {
    local n
    day_of_dump "$1"
    n=$(((REPLY / $2) % (1 << ($3 - 1)) + 1))
    REPLY=0
    while ((n % 2 == 0)); do
        ((n /= 2, REPLY += 1))
    done
}

# hanoi N: writes the keys that go: those whose disc has a newer dump.
hanoi() {
    local fs=${w_fs[$1]} i=${w_target[$1]} discs archive frequency date level rest
    local -A held=()
    property "$i" frequency 1
    frequency=$REPLY
    property "$i" discs 5
    discs=$REPLY
    property "$i" archiveoldestdisc ''
    archive=$REPLY
    while read -r date level rest; do
        [[ -n $date && $rest == 'true null'* ]] || continue
        disc "$date" "$frequency" "$discs"
        [[ -z $archive || $REPLY -lt $((discs - 1)) ]] || continue
        if [[ -n ${held[$REPLY]:-} ]]; then
            printf '%s:%s:%s\0' "$host" "$fs" "${held[$REPLY]}"
        fi
        held[$REPLY]=$level:$date
    done < <(LC_ALL=C sort <<<"${stored[$fs]:-}")
}
