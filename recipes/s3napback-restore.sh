# shellcheck shell=bash
# shellcheck disable=SC2154 # the recipe that sources this sets them
# How s3napback gives back what it has stored. It is sourced, and not run.
#
# It promises to end with 0 only if every dump of the chain was read to its end and matched its checksum, and every program
# in the line ended well.

# moment_of TEXT: the date up to which dumps count, for s3ls: a day is one here, and goes to its end.
moment_of() {
    case $1 in
        *T*Z) printf '%s' "$1" ;;
        *)
            if [[ ! $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] || ! date -d "$1" >/dev/null 2>&1; then
                wrong "'$1' is no date" 'write YYYY-MM-DD, or YYYY-MM-DDTHHMMSSZ'
            fi
            date -u -d "@$(date -d "$1 23:59:59" +%s)" +%Y-%m-%dT%H%M%SZ
            ;;
    esac
}

# find_set NAME: sets `fs` to the set that is meant: what is stored under the name, or under that of a kind.
find_set() {
    local name=$1 candidate found=()
    [[ $name == / || $name != */ ]] || name=${name%/}
    name=${name//%/%25}
    name=${name//:/%3A}
    for candidate in "$name" "Subversion$name" "MySQL/$name" "PostgreSQL/$name" "${1//:/%3A}"; do
        [[ -n ${stored[$candidate]:-} && " ${found[*]:-} " != *" $candidate "* ]] && found+=("$candidate")
    done
    if ((${#found[@]} > 1)); then
        say error "'$1' can be any of these: ${found[*]}"
        exit 2
    fi
    ((${#found[@]})) || fail "could not restore $1: nothing of that name is stored of $host" "'s3napback list' shows what is"
    fs=${found[0]}
}

# opener KEY: sets `opener` to what opens the dump, by its first bytes.
opener() {
    local first
    first=$(s3 s3get -q "${place[@]}" --head 32 "$@" | od -An -v -tx1 | tr -d ' \n') || fail "could not read ${*: -1}"
    opener=(s3seal -q -d)
    case $first in
        6167652d656e63* | 2d2d2d2d2d424547494e20414745*) for first in "${identities[@]}"; do opener+=(-i "$first"); done ;;
        2d2d2d2d2d424547494e20504750* | 84* | 85* | 86* | 8c* | c1* | c3*) opener=(gpg --quiet "${gpg_keyring[@]}" --decrypt) ;;
        *)
            if ((${#gpg_recipients[@]} + ${#age_recipients[@]})) && [[ -z $plain ]]; then
                fail "could not restore ${*: -1}: it is not encrypted" 'who may write to the bucket could have put it there; --plain takes it all the same'
            fi
            opener+=(--plain)
            ;;
    esac
}

# open_dump: opens standard input.
open_dump() {
    if [[ ${opener[0]} == gpg ]]; then
        "${opener[@]}" | s3seal -q -d --plain
    else
        "${opener[@]}"
    fi
}

# take: standard input goes to where it belongs.
take() {
    local code
    case $fs in
        MySQL/* | PostgreSQL/*) if [[ -n $into ]]; then cat >"$into/.part"; else cat; fi ;;
        Subversion/*) if [[ -n $into ]]; then svnadmin load -q -- "$into"; else cat; fi ;;
        *) tar --extract --file=- --preserve-permissions --listed-incremental=/dev/null -C "${into:-.}" ;;
    esac
    code=$?
    # What comes before us is to read to the end: only then is it proven.
    cat >/dev/null
    return "$code"
}

# bring WHAT...: one dump, named for s3get, to where it belongs.
bring() {
    local codes
    opener "$@"
    s3 s3get ${quiet:+-q} "${place[@]}" "$@" | open_dump | take
    codes=("${PIPESTATUS[@]}")
    ((codes[0] + codes[1] + codes[2])) || return 0
    say error "could not restore ${*: -1}"
    if ((codes[0] == 111 && codes[2] == 0)); then exit 111; fi
    exit 100
}

restore() {
    local fs keys=() key at_flag=() said code
    [[ -z $at ]] || at_flag=(--at "$(moment_of "$at")") || exit 2
    load_stored "$host" || { code=$?; say error 'could not learn what is stored'; exit "$code"; }
    if [[ -n $old ]]; then
        find_old "$1"
    else
        find_set "$1"
        said=$(s3 s3ls -q "${place[@]}" --host "$host" --chain "$fs" "${at_flag[@]}" 2>"$work/said")
        code=$?
        ((code == 1)) || cat "$work/said" >&2
        ((code != 1)) || fail "could not restore $1: nothing is stored from then or before"
        ((code == 0)) || exit "$code"
        mapfile -t keys <<<"$said"
    fi
    if [[ -n $dry ]]; then
        printf '%s\n' "${keys[@]}"
        return
    fi
    ready_for_restore
    for key in "${keys[@]}"; do
        if [[ -n $old ]]; then bring --prefix "$key:"; else bring -k "$key"; fi
        [[ -n $quiet ]] || printf 'restored %s\n' "$key" >&2
    done
    if [[ ($fs == MySQL/* || $fs == PostgreSQL/*) && -n $into ]]; then
        key=${fs##*/}
        mv -f -- "$into/.part" "$into/$key.sql" || exit 100
    fi
}

# ready_for_restore: looks whether the place can take it, before anything is read.
ready_for_restore() {
    case $fs in
        Subversion/*)
            [[ -z $into ]] || need svnadmin svnlook
            if [[ -z $into ]]; then
                :
            elif [[ ! -e $into ]]; then
                mkdir -p -- "$(dirname -- "$into")" || fail "could not make the repository $into"
                svnadmin create -- "$into" || fail "could not make the repository $into"
            elif [[ $(svnlook youngest -- "$into" 2>/dev/null) != 0 ]]; then
                fail "could not restore into $into: it is not an empty repository" 'name what does not exist yet'
            fi
            ;;
        *)
            [[ -z $into || -d $into ]] || mkdir -p -- "$into" || fail "could not make the directory $into"
            [[ $fs == MySQL/* || $fs == PostgreSQL/* ]] || return 0
            ;;
    esac
    [[ -n $into || ! -t 1 ]] || wrong 'standard output is a terminal' 'use -C DIR, or let a program read it'
}

# find_old NAME: sets `keys` to what the first s3napback has stored: NAME-SLOT-FULL and NAME-SLOT-DIFF, or NAME-SLOT, in
# pieces with 20 digits. Slots go round, so the order is that of the times at which the server took them in.
find_old() {
    local name=$1 line key modified until='' full='' list said code
    local form='^\{"key":"(([^"\\]|\\.)*):0{20}","host":null,.*"modified":"([^"]*)"'
    local -a taken=()
    fs=$name
    [[ -z $at ]] || until=${at_flag[1]}
    said=$(s3 s3ls -q -j -a --no-checksum "${place[@]}" 2>"$work/said")
    code=$?
    # There may be no dump, and all this.
    if ((code > 1)); then
        cat "$work/said" >&2
        exit "$code"
    fi
    list=$(while IFS= read -r line; do
        [[ $line =~ $form ]] || continue
        modified=${BASH_REMATCH[3]//:/}
        key=$(json_text "${BASH_REMATCH[1]}")
        [[ -z $until || ! $modified > $until ]] || continue
        [[ ${key#"$name"-} =~ ^[0-9]+(-FULL|-DIFF)?$ && $key == "$name"-* ]] || continue
        printf '%s %s\n' "$modified" "$key"
    done <<<"$said" | sort)
    while IFS= read -r line; do
        key=${line#* }
        case $key in
            '') ;;
            *-DIFF) [[ -z $full ]] || taken+=("$key") ;;
            *) full=yes taken=("$key") ;;
        esac
    done <<<"$list"
    ((${#taken[@]})) || fail "could not restore $name: no $name-SLOT-FULL is stored"
    keys=("${taken[@]}")
}
