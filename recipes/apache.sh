# shellcheck shell=bash
# Reads configuration in the style of Apache's: a directive and its values on a line, blocks of them between <NAME> and
# </NAME>. It is sourced, after lib.sh, and not run.
#
# It promises that a file is only ever read, never evaluated, and that whatever it doesn't understand ends the recipe with
# the number of the line. What directives and blocks mean is the recipe's own business.

# Where the reader is, for messages.
conf_name=''
conf_line=0

# conf_fail TEXT [HINT]: the line that is being read is wrong.
conf_fail() {
    fail "could not read $conf_name: line $conf_line: $1" "${2:-}"
}

# conf_words TEXT: sets `words` to the words of the text. They are separated by blanks; quotes of either kind keep blanks
# and # in them, and in double ones \" and \\ stand for " and \. A # where a word could begin begins a comment. In a tag
# the words end at >, and `closed` says that it was there.
conf_words() {
    local rest=$1 in_tag=${2:-} word end='[:blank:]"'\'
    [[ -z $in_tag ]] || end="$end>"
    words=()
    closed=''
    while :; do
        rest=${rest#"${rest%%[![:blank:]]*}"}
        if [[ -z $closed && -n $in_tag && $rest == '>'* ]]; then
            closed=yes
            rest=${rest#?}
            continue
        fi
        [[ -n $rest && $rest != '#'* ]] || return 0
        [[ -z $closed ]] || conf_fail "there is more after >"
        word=''
        while [[ -n $rest && $rest != [[:blank:]]* && (-z $in_tag || $rest != '>'*) ]]; do
            if [[ $rest =~ ^\"(([^\"\\]|\\.)*)\" ]]; then
                rest=${rest:${#BASH_REMATCH[0]}}
                word+=$(conf_unescaped "${BASH_REMATCH[1]}"; printf .)
                word=${word%.}
            elif [[ $rest =~ ^\'([^\']*)\' ]]; then
                word+=${BASH_REMATCH[1]}
                rest=${rest:${#BASH_REMATCH[0]}}
            elif [[ $rest =~ ^[^$end]+ ]]; then
                word+=${BASH_REMATCH[0]}
                rest=${rest:${#BASH_REMATCH[0]}}
            else
                conf_fail 'a quote is not closed'
            fi
        done
        words+=("$word")
    done
}

# conf_unescaped TEXT: the text with \" and \\ resolved; any other backslash is one.
conf_unescaped() {
    local text=${1//\\\\/$'\n'}
    text=${text//\\\"/\"}
    printf '%s' "${text//$'\n'/\\}"
}

# read_conf FILE [NAME]: reads the file, or standard input for -, and calls for its lines
#   on_directive NAME VALUE...   a directive; its name in small letters, and as it was written in `conf_word`
#   on_block NAME VALUE...       the beginning of a block
#   on_end NAME                  its end
read_conf() {
    local line more raw text number=0
    conf_name=${2:-$1}
    conf_line=0
    if [[ $1 == - ]]; then
        text=$(cat; printf .)
    else
        [[ -r $1 && ! -d $1 ]] || fail "could not read $1: $([[ -e $1 ]] && echo 'it is not a file that may be read' || echo 'it does not exist')"
        text=$(cat -- "$1" && printf .) || fail "could not read $1"
    fi
    text=${text%.}
    while IFS= read -r raw || [[ -n $raw ]]; do
        ((number += 1))
        [[ -n ${more:-} ]] || conf_line=$number
        raw=${raw%$'\r'}
        line=${more:-}$raw
        if [[ $line == *\\ && ! $line =~ ^[[:blank:]]*# ]]; then
            more=${line%?}' '
            continue
        fi
        more=''
        [[ ${line//$'\t'/} != *[[:cntrl:]]* ]] || conf_fail 'there is a control character'
        conf_statement "$line"
    done <<<"$text"
}

# conf_statement LINE
conf_statement() {
    local words closed text=${1#"${1%%[![:blank:]]*}"}
    case $text in
        '' | '#'*) return ;;
        '</'*) conf_words "${text#??}" tag ;;
        '<'*) conf_words "${text#?}" tag ;;
        *) conf_words "$text" ;;
    esac
    if [[ $text == '<'* ]]; then
        [[ -n $closed ]] || conf_fail 'the > is missing'
        ((${#words[@]})) || conf_fail 'there is no name after <'
    fi
    conf_word=${words[0]}
    case $text in
        '</'*)
            ((${#words[@]} == 1)) || conf_fail "</$conf_word> takes nothing else"
            on_end "${conf_word,,}"
            ;;
        '<'*) on_block "${conf_word,,}" "${words[@]:1}" ;;
        *) on_directive "${conf_word,,}" "${words[@]:1}" ;;
    esac
}
