# shellcheck shell=bash
# Single S3 requests, signed by curl. It is sourced by a recipe that has sourced lib.sh, not run.
#
# For what the tools never do: a naked request, without a look before and a second try after. A secret reaches curl through
# a pipe and nothing else: it is in no argument, in no file and in no message.
#
# Whoever sources this sets `root` (the URL of the bucket, with a slash at its end), `region`, `scratch` (a folder) and,
# if need be, `ca`. Keys are found by the functions here.

# need_curl: older ones sign, but not what S3 wants signed.
need_curl() {
    local version
    need curl sha256sum awk
    read -r _ version _ < <(curl --version)
    [[ $(printf '7.88.0\n%s\n' "$version" | sort -V | head -n 1) == 7.88.0 ]] ||
        fail "curl $version is too old: 7.88 or newer is needed"
}

# --- whose keys -------------------------------------------------------------------------------------------------------

# in_profile NAME KEY: the value of KEY in that profile of the AWS files.
in_profile() {
    local file files=()
    for file in "${AWS_SHARED_CREDENTIALS_FILE:-${HOME:-}/.aws/credentials}" "${AWS_CONFIG_FILE:-${HOME:-}/.aws/config}"; do
        [[ ! -r $file ]] || files+=("$file")
    done
    ((${#files[@]})) || return
    awk -v profile="$1" -v key="$2" '
        /^[ \t]*\[/ { gsub(/^[ \t]*\[[ \t]*(profile[ \t]+)?|[ \t]*\][ \t\r]*$/, ""); here = ($0 == profile); next }
        here && match($0, "^[ \t]*" key "[ \t]*=") {
            sub(/^[^=]*=[ \t]*/, ""); sub(/[ \t\r]+$/, ""); print; exit
        }
    ' "${files[@]}"
}

# A key pair is three variables: PREFIX_id, PREFIX_secret, PREFIX_token.
take_keys() {
    printf -v "$1_id" %s "$2"
    printf -v "$1_secret" %s "$3"
    printf -v "$1_token" %s "$4"
}

# keys_of_settings PREFIX FILE: true if the file holds keys.
keys_of_settings() {
    [[ -r $2 ]] || fail "could not read settings from $2"
    take_keys "$1" "$(setting "$2" access_key_id)" "$(setting "$2" secret_access_key)" "$(setting "$2" session_token)"
    local id=$1_id
    [[ -n ${!id} ]]
}

# keys_of_profile PREFIX NAME: from AWS's own files; what they only refer to (roles, SSO, processes) the program aws
# can resolve.
keys_of_profile() {
    local id said
    id=$(in_profile "$2" aws_access_key_id)
    if [[ -n $id && -z $(in_profile "$2" role_arn) ]]; then
        take_keys "$1" "$id" "$(in_profile "$2" aws_secret_access_key)" "$(in_profile "$2" aws_session_token)"
        return
    fi
    said=$(aws configure export-credentials --profile "$2" --format process 2>/dev/null) || return
    take_keys "$1" "$(json_field "$said" AccessKeyId)" "$(json_field "$said" SecretAccessKey)" \
        "$(json_field "$said" SessionToken)"
}

# json_field TEXT NAME: the value of a string field.
json_field() {
    local form='"'$2'"[[:space:]]*:[[:space:]]*"(([^"\\]|\\.)*)"'
    [[ $1 =~ $form ]] && json_text "${BASH_REMATCH[1]}"
}

# --- requests ---------------------------------------------------------------------------------------------------------

# escaped TEXT [ALSO]: TEXT for a URL; the characters of ALSO stay.
escaped() {
    local LC_ALL=C text=$1 out='' letter at
    for ((at = 0; at < ${#text}; at++)); do
        letter=${text:at:1}
        if [[ $letter == [A-Za-z0-9._~-] || (-n ${2:-} && $letter == ["${2:-}"]) ]]; then
            out+=$letter
        else
            printf -v letter '%%%02X' "'$letter"
            # A byte above 127 counts as negative.
            out+=%${letter: -2}
        fi
    done
    printf %s "$out"
}

# ask WHO METHOD KEY QUERY BODY [HEADER...]: one request, signed by the key of WHO (key or admin); sets `status` (000
# for no answer), `code` (the server's word for a refusal), and leaves the answer in $scratch/head and $scratch/body.
# QUERY is sorted by name and escaped, and every name has a `=`: so it is what gets signed.
# shellcheck disable=SC2154 # root, region and scratch are those of whoever sources this
ask() {
    local who=$1 method=$2 key=$3 query=$4 body=$5 attempt
    shift 5
    local id=$who'_id' secret=$who'_secret' token=$who'_token'
    local target=$root${key:+$(escaped "$key" /)}${query:+?$query}
    local -a words=(--request "$method") headers=("$@")
    [[ $method != HEAD ]] || words=(--head)
    if [[ $method == PUT || $method == POST ]]; then
        printf %s "$body" >"$scratch/send"
        words+=(--data-binary "@$scratch/send")
        headers+=('Content-Type: application/octet-stream')
    fi
    headers+=("x-amz-content-sha256: $(printf %s "$body" | sha256sum | cut -d' ' -f1)")
    [[ -z ${!token} ]] || headers+=("x-amz-security-token: ${!token}")
    for attempt in 1 2 3; do
        ((attempt == 1)) || sleep 1
        : >"$scratch/body"
        : >"$scratch/head"
        status=$(curl -q --silent --globoff --path-as-is --proto '=http,https' --connect-timeout 10 --max-time 60 \
            ${ca:+--cacert "$ca"} --aws-sigv4 "aws:amz:$region:s3" --config <(configuration "${!id}:${!secret}") \
            "${words[@]}" --dump-header "$scratch/head" --output "$scratch/body" --write-out '%{http_code}' "$target")
        curled=$?
        code=$(tag Code)
        # Refused for the moment: not an answer to the question.
        [[ $curled != 0 || $status == 5?? && $status != 501 || $status == 429 || $status == 409 ]] || break
    done
    ((curled == 0)) || status=000
}

# configuration USER: what curl must know and nobody may see, in its own form. Uses `headers` of its caller.
configuration() {
    local text
    for text in "user=$1" "${headers[@]/#/header=}"; do
        local value=${text#*=}
        value=${value//\\/\\\\}
        printf '%s = "%s"\n' "${text%%=*}" "${value//\"/\\\"}"
    done
}

# tag NAME: the text of the first XML element of that name in the answer.
tag() { grep -o "<$1>[^<]*" "$scratch/body" | head -n 1 | cut -d'>' -f2; }

# header NAME: the value of a header of the answer.
header() { tr -d '\r' <"$scratch/head" | sed -n "s/^$1: *//Ip" | tail -n 1; }

# answer: the last answer in words.
answer() {
    if [[ $status == 000 ]]; then
        printf 'no answer (curl: %s)' "$curled"
    else
        printf '%s' "$status${code:+ $code}"
    fi
}

succeeded() { [[ $status == 2?? ]] && ! grep -q '<Error>' "$scratch/body"; }

# denied: the key may not do this. Other refusals (a signature that is wrong, a key that expired) prove nothing.
denied() {
    # The answer to a HEAD has no body. It is signed as the GET is, which is asked before it.
    [[ $status == 403 && $code =~ ^(AccessDenied|Forbidden|)$ ]]
}
