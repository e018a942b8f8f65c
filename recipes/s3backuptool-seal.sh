# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the recipe that sources this, and its other parts, share variables and functions
# Passwords and keys of s3backuptool, and what it asks people. It is sourced.

# --- encryption -------------------------------------------------------------------------------------------------------

# A passphrase costs a second for each file, so it seals one thing: an identity, which is an object beside the files. They
# are sealed for the recipient that belongs to it. So the passphrase is all that a restore needs.

# give_password: standard input of its command is not touched; the password is in no argument and no variable of it.
# The use: s3seal --passphrase-fd 7 7< <(give_password)
give_password() {
    printf '%s' "$password"
}

# keep_secret N COMMAND: what it writes becomes /dev/fd/N, which can be read many times and has no name.
keep_secret() {
    (umask 077 && "$2" >"$scratch/secret") || return
    eval "exec $1<\"\$scratch/secret\""
    rm -f -- "$scratch/secret"
}

# fetch_identity: the sealed identity of the password is in $db_location, or comes from the bucket.
fetch_identity() {
    sealed_identity=$db_location/$section.identity.age
    [[ ! -e $sealed_identity ]] || return 0
    local status
    (umask 077 && s3get -q "${place[@]}" -k "$prefix.identity.age" >"$scratch/identity.age" 2>"$scratch/said")
    status=$?
    if ((status <= 1)); then
        mv -f -- "$scratch/identity.age" "$sealed_identity"
    fi
    return "$status"
}

# open_identity: standard output is the identity.
open_identity() {
    s3seal -q -d --passphrase-fd 7 7< <(give_password) <"$sealed_identity"
}

# prepare_seal: `seal` becomes what s3put is told of encryption.
prepare_seal() {
    seal=()
    [[ -n $encrypt ]] || return 0
    local words one
    : >"$scratch/recipients"
    if [[ -n $recipients ]]; then
        while IFS= read -r one; do
            trim "$one"
            case $REPLY in
                '') ;;
                /*) cat -- "$REPLY" >>"$scratch/recipients" || give_up 100 "could not read the recipients of [$section]" ;;
                ssh-*) printf '%s\n' "$REPLY" >>"$scratch/recipients" ;;
                *)
                    read -ra words <<<"${REPLY//,/ }"
                    printf '%s\n' "${words[@]}" >>"$scratch/recipients"
                    ;;
            esac
        done <<<"$recipients"
    else
        fetch_identity || make_identity
        local secret
        secret=$(open_identity) ||
            give_up 100 "could not open $sealed_identity with encrypt_password" 'it is sealed with the password that was there first'
        sed -n 's/^# public key: //p' <<<"$secret" >"$scratch/recipients"
        secret=''
        [[ -s $scratch/recipients ]] || give_up 100 "could not find a recipient in $sealed_identity"
    fi
    seal=(--through "s3seal -q -R $(shell_word "$scratch/recipients")")
}

# make_identity: a new one, sealed with the password, and stored before anything is sealed for it. What exists in the bucket
# is not replaced.
make_identity() {
    local made=$scratch/identity.age
    (umask 077 && s3seal -q --keygen | s3seal -q -z none --passphrase-fd 7 7< <(give_password) >"$made") ||
        give_up 100 'could not make an identity'
    s3put "${voice[@]}" "${place[@]}" -k "$prefix.identity.age" <"$made" >"$scratch/receipt" || {
        worse $?
        give_up "$code" "could not store $prefix.identity.age, without which nothing could be decrypted" \
            "if it is there already, copy it to $sealed_identity"
    }
    mv -f -- "$made" "$sealed_identity"
}

# prepare_open FORM: `open_own` or `open_seed` becomes what s3get is told of encryption.
prepare_open() {
    if [[ $1 == seed ]]; then
        [[ -n $password ]] || give_up 100 "could not decrypt: [$section] has no encrypt_password"
        keep_secret 8 give_password || give_up 100 "could not write to $scratch"
        open_seed=(--through 's3seal -q -d --seed s3backuptool --passphrase-file /dev/fd/8')
    elif [[ -n $identity ]]; then
        [[ -r $identity ]] || give_up 100 "could not read the identity $(shown "$identity")"
        open_own=(--through "s3seal -q -d -i $(shell_word "$(readlink -f -- "$identity")")")
    elif [[ -n $password ]]; then
        fetch_identity || give_up 100 "could not read $prefix.identity.age, which the password opens" "$(tail -n 1 -- "$scratch/said")"
        keep_secret 9 open_identity || give_up 100 "could not open $sealed_identity with encrypt_password"
        open_own=(--through 's3seal -q -d -i /dev/fd/9')
    else
        give_up 100 "could not decrypt: [$section] has neither encrypt_password nor identity" 'use --identity FILE'
    fi
}

quick_decrypt() {
    local from folder secret to begins key
    need s3seal
    ask 'File to decrypt: '
    from=$REPLY
    [[ -f $from && -r $from ]] || give_up 100 "could not read $(shown "$from")"
    ask 'Folder for the decrypted file, which keeps its name: '
    folder=$REPLY
    [[ -d $folder && -w $folder ]] || give_up 100 "could not write to $(shown "$folder")"
    to=${folder%/}/${from##*/}
    [[ ! -e $to ]] || give_up 100 "could not write $(shown "$to"): it exists already"
    IFS= read -r -d '' -n 21 begins <"$from"
    secret=(--seed s3backuptool --passphrase-fd 7)
    key=$identity_given
    if [[ $begins == age-encryption.org/v1 ]]; then
        secret=(--passphrase-fd 7)
        if ! s3seal --inspect <"$from" 2>/dev/null | grep -q passphrase; then
            if [[ -z $key ]]; then
                ask 'Identity that opens it, or the .identity.age beside the backup: '
                key=$REPLY
            fi
            [[ -f $key && -r $key ]] || give_up 100 "could not read $(shown "$key")"
            secret=(-i "$key" --passphrase-fd 7)
        fi
    fi
    password=''
    [[ -z $key ]] || IFS= read -r -n 21 begins <"$key"
    if [[ -z $key || $begins == age-encryption.org/v1 ]]; then
        ask_secret 'Password: '
        password=$REPLY
    else
        secret=(-i "$key")
    fi
    if ! (umask 077 && s3seal -q -d "${secret[@]}" 7< <(give_password) <"$from" >"$to.part"); then
        rm -f -- "$to.part"
        give_up 100 "could not decrypt $(shown "$from")"
    fi
    mv -- "$to.part" "$to"
}

# --- questions --------------------------------------------------------------------------------------------------------

# ask QUESTION: REPLY is a line.
ask() {
    printf '%s' "$1" >&2
    if ! IFS= read -r REPLY; then
        echo >&2
        give_up 2 'no answer came' "for scripts there is 'restore --yes'"
    fi
    [[ -t 0 ]] || echo >&2
}

ask_secret() {
    printf '%s' "$1" >&2
    IFS= read -rs REPLY || give_up 2 'no answer came'
    echo >&2
}

# agree QUESTION: yes or no.
agree() {
    while true; do
        ask "$1 Y/N: "
        case ${REPLY,,} in
            y | yes) return 0 ;;
            n | no) return 1 ;;
        esac
    done
}
