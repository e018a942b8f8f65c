# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the recipe that sources this, and its other parts, share variables and functions
# What the configuration of s3backuptool says: INI, with [DEFAULT] and %(name)s, as SafeConfigParser reads it. It is sourced.

# An INI file as Python's SafeConfigParser reads it: [DEFAULT] for all sections, continuation lines, %(name)s.
declare -A raw=()
sections=()

# bad_config TEXT: never with a value in it.
bad_config() {
    say error "could not read $config: $1"
    exit 100
}

trim() {
    REPLY=${1#"${1%%[![:space:]]*}"}
    REPLY=${REPLY%"${REPLY##*[![:space:]]}"}
}

read_config() {
    local line section='' key='' value number=0
    local header='^\[([^]]+)\]' option='^([^:=[:space:]][^:=]*)[[:space:]]*([:=])[[:space:]]*(.*)$'
    local remark='^[rR][eE][mM]([[:space:]]|$)'
    if [[ ! -f $config || ! -r $config ]]; then
        bad_config 'it is missing, or not readable'
    fi
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        line=${line%$'\r'}
        if [[ -z ${line//[[:space:]]/} || $line == [\#\;]* || $line =~ $remark ]]; then
            continue
        elif [[ $line == [[:space:]]* && -n $section && -n $key ]]; then
            trim "$line"
            raw[$section/$key]+=$'\n'$REPLY
        elif [[ $line =~ $header ]]; then
            section=${BASH_REMATCH[1]}
            key=''
            if [[ $section != DEFAULT ]]; then
                [[ $section =~ ^[a-zA-Z0-9_-]+$ ]] ||
                    bad_config "line $number: the name of a section is made of letters, digits, _ and -"
                [[ " ${sections[*]} " == *" $section "* ]] || sections+=("$section")
            fi
        elif [[ -z $section ]]; then
            bad_config "line $number stands before the first section"
        elif [[ $line =~ $option ]]; then
            trim "${BASH_REMATCH[1]}"
            key=${REPLY,,}
            value=${BASH_REMATCH[3]}
            # A remark behind the value: a blank and a semicolon.
            [[ $value == *[[:space:]]\;* ]] && value=${value%%[[:space:]]\;*}
            trim "$value"
            [[ $REPLY != '""' ]] || REPLY=''
            raw[$section/$key]=$REPLY
        else
            bad_config "line $number is neither a section nor KEY = VALUE"
        fi
    done <"$config"
    ((${#sections[@]})) || bad_config 'it has no section'
}

# is_set KEY: whether the section at hand, or [DEFAULT], has it.
is_set() {
    [[ -n ${raw[$section/$1]+set} || -n ${raw[DEFAULT/$1]+set} ]]
}

# value_of KEY [DEFAULT]: sets REPLY to the value, with what it refers to in its place.
value_of() {
    if is_set "$1"; then
        fill_in "$1" "${raw[$section/$1]-${raw[DEFAULT/$1]-}}" 1
    else
        REPLY=${2-}
    fi
}

# fill_in KEY TEXT DEPTH
fill_in() {
    local rest=$2 out='' name
    (($3 <= 10)) || bad_config "in [$section], $1 refers to itself"
    while [[ $rest == *%* ]]; do
        out+=${rest%%\%*}
        rest=${rest#*%}
        if [[ $rest == %* ]]; then
            out+=%
            rest=${rest#%}
        elif [[ $rest =~ ^\(([^\)]+)\)s ]]; then
            rest=${rest:${#BASH_REMATCH[0]}}
            name=${BASH_REMATCH[1],,}
            is_set "$name" || bad_config "in [$section], $1 refers to $name, which is not set"
            fill_in "$name" "${raw[$section/$name]-${raw[DEFAULT/$name]-}}" $(($3 + 1))
            out+=$REPLY
        else
            bad_config "in [$section], $1 has a % that is neither %% nor %(NAME)s"
        fi
    done
    REPLY=$out$rest
}

# truth_of KEY DEFAULT: REPLY is yes, or empty.
truth_of() {
    value_of "$1" "$2"
    case ${REPLY,,} in
        1 | yes | true | on) REPLY=yes ;;
        0 | no | false | off) REPLY='' ;;
        *) bad_config "in [$section], $1 is neither true nor false" ;;
    esac
}

# take_section NAME: sets what the configuration says of the section.
take_section() {
    section=$1
    local key bucket
    for key in path db_location s3_bucket; do
        value_of "$key"
        [[ -n $REPLY ]] || bad_config "[$section] has no $key"
    done
    [[ -z ${raw[DEFAULT/path]+set} ]] || bad_config 'path belongs into a section, not into [DEFAULT]'
    value_of path
    path=$REPLY
    [[ $path == /* ]] || bad_config "in [$section], path does not begin with a slash"
    while [[ $path == *//* ]]; do path=${path//\/\//\/}; done
    [[ $path == / ]] || path=${path%/}
    value_of db_location
    db_location=$(realpath -ms -- "$REPLY")
    state=$db_location/$section.db
    value_of s3_parent_folder_path "$section"
    parent=$REPLY
    prefix=$parent
    while [[ $prefix == */ ]]; do prefix=${prefix%/}; done
    truth_of check_file_checksum False
    check_md5=$REPLY
    truth_of delete_removed_files True
    delete_removed=$REPLY
    value_of exclude_file
    excluded=$REPLY
    truth_of encrypt False
    encrypt=$REPLY
    value_of encrypt_password
    password=$REPLY
    value_of recipients
    recipients=$REPLY
    value_of identity
    identity=${identity_given:-$REPLY}
    # A percentage may stand as people write one, with one percent sign.
    max_delete=${raw[$section/max_delete]-${raw[DEFAULT/max_delete]-10%}}
    if [[ ! $max_delete =~ ^[0-9]+%?$ ]]; then
        value_of max_delete
        max_delete=$REPLY
    fi
    max_delete=${max_delete_given:-$max_delete}
    [[ $max_delete =~ ^[0-9]+%?$ ]] || bad_config "in [$section], max_delete is neither a number nor a percentage"
    if [[ -n $encrypt && -z $password$recipients ]]; then
        bad_config "in [$section], encrypt is set, and neither encrypt_password nor recipients"
    fi

    value_of s3_bucket
    bucket=$REPLY
    [[ $bucket == *://* ]] || bucket=s3://$bucket
    place=(-b "$bucket")
    value_of aws_access_key_id
    if [[ -n $REPLY ]]; then
        unset AWS_PROFILE AWS_SESSION_TOKEN
        export AWS_ACCESS_KEY_ID=$REPLY
        value_of aws_secret_access_key
        [[ -n $REPLY ]] || bad_config "[$section] has aws_access_key_id, and no aws_secret_access_key"
        export AWS_SECRET_ACCESS_KEY=$REPLY
    fi
    value_of region
    [[ -z $REPLY ]] || export AWS_REGION=$REPLY
    value_of endpoint_url
    [[ -z $REPLY ]] || export AWS_ENDPOINT_URL_S3=$REPLY
    if [[ -n $password && $(stat -Lc %a -- "$config") != *00 ]]; then
        say warning "others can read $config, which has a password in it"
    fi
}
