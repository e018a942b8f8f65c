# shellcheck shell=bash
# What the pipelines have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/pipelines/lib.sh"

# same DIR COPY: compares two trees: names, kinds, modes, links, times to the second, and contents
same() {
    if diff -r --no-dereference "$1" "$2" && diff <(inventory "$1") <(inventory "$2"); then
        echo 'the same'
    else
        echo 'NOT THE SAME'
    fi
}

# inventory DIR: a line for each name; folders without their times, which depend on the file system's own doings
inventory() {
    (cd "$1" && find . -type d -printf '%p %y %m\0' -o -printf '%p %y %m %s %Ts %l %n\0') | LC_ALL=C sort -z | tr '\0' '\n'
}
