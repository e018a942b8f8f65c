# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2119,SC2120 # the recipe that sources this, and its other parts, share variables and functions
# What s3backuptool knows of each file, in SQLite, and what is on the disk now. It is sourced.

# --- the database -----------------------------------------------------------------------------------------------------

# sql [OPTION...]: runs what is on standard input on the scratch database, with the section's one attached as `state`.
sql() {
    local file=:memory:
    # It would be created.
    [[ ! -e $state ]] || file=$state
    { printf 'ATTACH %s AS state;\n' "$(quoted "$file")"; cat; } | sqlite "$@" "$scratch/scratch.db"
}

sqlite() {
    sqlite3 -batch -bail -init /dev/null -cmd '.timeout 60000' "$@"
}

# quoted TEXT: as it stands in SQL.
quoted() {
    printf "'%s'" "${1//\'/\'\'}"
}

# shell_word TEXT: as it stands in a command of sh.
shell_word() {
    printf "'%s'" "${1//\'/\'\\\'\'}"
}

# names: from lines of hexadecimal digits, as SQLite's hex() makes them, to bytes.
names() {
    basenc --base16 -d
}

# The columns of the original, and ours: the key of the object; times as find prints them; of a hard link the path that
# has the content.
columns='filepath text, uid text, gid text, perm_mode text, md5 text, filetype text, size text, symlink_target text,
    mtime text, ctime text, encrypted text'
own_columns=("s3key text DEFAULT ''" "mtime_at text DEFAULT ''" "ctime_at text DEFAULT ''" "link text DEFAULT ''")

initdb() {
    if [[ -e $state ]]; then
        say error "$state exists already, and stays as it is"
        exit 1
    fi
    [[ -d $db_location && -w $db_location ]] ||
        give_up 100 "could not create $state: $db_location is no folder that can be written to"
    say info "creating database $state"
    (umask 077 && sqlite "$state" "CREATE TABLE files($columns, PRIMARY KEY(filepath))") ||
        give_up 100 "could not create $state"
    open_state
}

# open_state: the database is there, and has the columns that we need.
open_state() {
    local column have
    [[ -f $state ]] ||
        give_up 100 "could not open $state: it is not there" \
            "the first time, run 'initdb'; if it was lost, 'initdb' and then 'syncdb_remote'"
    have=$(sqlite "$state" "SELECT group_concat(name, ' ') FROM pragma_table_info('files')")
    [[ -n $have ]] ||
        give_up 100 "could not open $state: it is no database of s3backuptool"
    for column in "${own_columns[@]}"; do
        [[ " $have " == *" ${column%% *} "* ]] ||
            sqlite "$state" "ALTER TABLE files ADD COLUMN $column" || give_up 100 "could not write to $state"
    done
    # stale: keys of objects that others have replaced, and that are still to be deleted. place: where the objects are.
    sqlite "$state" "CREATE TABLE IF NOT EXISTS stale(s3key text PRIMARY KEY);
        CREATE TABLE IF NOT EXISTS place(place text);
        UPDATE files SET s3key = $(quoted "$parent") || filepath || CASE filetype $suffixes ELSE '' END WHERE s3key = ''" ||
        give_up 100 "could not write to $state"
}

suffixes="WHEN 'dir' THEN '/' WHEN 'symlink' THEN '.SYMLINK'"

# whereabouts: the bucket, and its server.
whereabouts() {
    local server
    server=$(server_of "${place[1]}")
    printf '%s' "${place[1]}${server:+ on $server}"
}

# same_place: ends here if the rows are about another bucket, since nothing of what they say is stored in this one.
same_place() {
    local here known
    here=$(whereabouts)
    known=$(sql <<<'SELECT place FROM state.place WHERE EXISTS (SELECT 1 FROM state.files)')
    [[ -z $known || $known == "$here" ]] ||
        give_up 100 "could not go on from $state: it says what is stored in $known, not in $here" \
            "if all was moved there, or is to be stored again, run 'syncdb_remote'"
    [[ -n $known ]] || remember_place
}

# remember_place: that is what the rows are about from now on.
remember_place() {
    sql <<<"BEGIN; DELETE FROM state.place; INSERT INTO state.place VALUES($(quoted "$(whereabouts)")); COMMIT;" ||
        give_up 100 "could not write to $state"
}

# make_scratch: a folder of our own, beside the database: there is room, and attributes can be kept.
make_scratch() {
    scratch=$(mktemp -d -- "$db_location/.$section.scratch.XXXXXX") || give_up 100 "could not write to $db_location"
    trap 'rm -rf -- "$scratch"' EXIT
}

# await PID: waits for it, the last of a pipeline, so that a signal ends it and the first one, and not only us. What came
# until then is used.
signalled=''
await() {
    local status
    trap 'signalled=yes; kill -- "$1" $(jobs -p) 2>/dev/null' INT TERM HUP
    wait "$1"
    status=$?
    # A signal ends the waiting, and the process a little later.
    while [[ -n $signalled ]] && kill -0 "$1" 2>/dev/null; do
        wait "$1"
        status=$?
    done
    trap - INT TERM HUP
    return "$status"
}

# --- what is on the disk ----------------------------------------------------------------------------------------------

# Three texts for each file, each ended by NUL: what is known of it, its name, and where it leads if it is a link.
looked='%y,%U,%G,%m,%s,%T@,%C@,%n,%D:%i,\0%p\0%l\0'

# as_csv: those texts as lines that sqlite3 reads. In quotes anything may stand.
as_csv() {
    sed -z 'n; s/"/""/g; s/.*/"&",/; n; s/"/""/g; s/.*/"&"/; s/$/\n/' | tr -d '\0'
}

# look_at NAME FIND-OPERAND...: what find sees becomes the table NAME of the scratch database. The status is find's.
look_at() {
    local name=$1
    shift
    find "$@" -printf "$looked" | as_csv >"$scratch/$name.csv"
    local status=${PIPESTATUS[0]}
    keep_looks "$name" || return 100
    return "$status"
}

# keep_looks NAME: the table NAME of what is in NAME.csv.
keep_looks() {
    (cd -- "$scratch" && sqlite scratch.db <<END
DROP TABLE IF EXISTS looks;
CREATE TABLE looks(type, uid, gid, perm, size, mtime_at, ctime_at, links, inode, filepath, target);
.import --csv $1.csv looks
DROP TABLE IF EXISTS $1;
CREATE TABLE $1 AS SELECT filepath, uid, gid,
    CASE type WHEN 'f' THEN '010' WHEN 'd' THEN '04' WHEN 'l' THEN '012' WHEN 'p' THEN '01' WHEN 'c' THEN '02'
        WHEN 'b' THEN '06' ELSE '014' END || substr('0000' || perm, -4) AS perm_mode,
    CASE type WHEN 'f' THEN 'file' WHEN 'd' THEN 'dir' WHEN 'l' THEN 'symlink' WHEN 'p' THEN 'fifo' WHEN 'c' THEN 'chardev'
        WHEN 'b' THEN 'blockdev' ELSE 'socket' END AS filetype,
    CASE type WHEN 'f' THEN size ELSE '0' END AS size, target AS symlink_target,
    substr(mtime_at, 1, instr(mtime_at, '.') - 1) AS mtime, substr(ctime_at, 1, instr(ctime_at, '.') - 1) AS ctime,
    mtime_at, ctime_at, links, inode
    FROM looks;
CREATE UNIQUE INDEX $1_by_path ON $1(filepath);
DROP TABLE looks;
END
    )
}

# look_again NAME: the same, of the files whose names are on standard input, each ended by NUL. Those that are not there are
# not in the table.
look_again() {
    # shellcheck disable=SC2016 # it is for the shell that xargs runs
    xargs -0 -r sh -c 'looked=$1; shift; exec find "$@" -maxdepth 0 -printf "$looked"' sh "$looked" 2>/dev/null |
        as_csv >"$scratch/$1.csv"
    keep_looks "$1"
}

# look_around: the tree becomes the table `now`.
look_around() {
    [[ -d $path ]] || give_up 100 "could not back up $(shown "$path"): it is no folder" 'is it mounted?'
    # The slash: path itself may be a link.
    whole=yes
    look_at now "${path%/}/" || whole=''
    local condition name
    condition="filepath = $(quoted "$db_location/$section.lock")
        OR substr(filepath, 1, $((${#db_location} + ${#section} + 5))) = $(quoted "$db_location/$section.db")
        OR substr(filepath, 1, $((${#db_location} + ${#section} + 10))) = $(quoted "$db_location/.$section.scratch.")"
    sql <<END || give_up 100 'could not list what is there'
-- find adds the slash that it was given.
UPDATE now SET filepath = $(quoted "$path") WHERE filepath = $(quoted "${path%/}/");
-- Our own files change while we look at them.
DELETE FROM now WHERE $condition;
CREATE TABLE excluded(filepath);
CREATE TABLE todo(filepath PRIMARY KEY, how);
CREATE TABLE sums(md5, filepath PRIMARY KEY);
END
    while IFS= read -r name; do
        [[ -z $name ]] || printf 'INSERT INTO excluded VALUES(%s);\n' "$(quoted "${path%/}/${name%/}")"
    done <<<"$excluded" | sql
    sql <<'END' || give_up 100 'could not list what is there'
CREATE TABLE left_out AS SELECT n.filepath FROM (SELECT filepath FROM now UNION SELECT filepath FROM state.files) n, excluded e
    WHERE n.filepath = e.filepath OR substr(n.filepath, 1, length(e.filepath) + 1) = e.filepath || '/';
DELETE FROM now WHERE filepath IN left_out;
END
    say_each warning "%s is a socket, which can't be kept" "SELECT filepath FROM now WHERE filetype = 'socket'"
    sql <<<"DELETE FROM now WHERE filetype = 'socket'"
}

# say_each LEVEL FORMAT QUERY: a message for each name that the query selects.
say_each() {
    local name
    while IFS= read -r -d '' name; do
        # shellcheck disable=SC2059 # it is a format
        say "$1" "$(printf "$2" "$(shown "$name")")"
    done < <(select_names "$3")
}

# complain FORMAT QUERY: warnings, and the exit status tells of them.
complain() {
    say_each warning "$1" "$2"
    (($(count "$2") == 0)) || worse 1
}

# select_names QUERY: the names, each ended by NUL.
select_names() {
    sql <<<"SELECT hex(filepath) || '00' FROM ($1)" | names
}

# count QUERY
count() {
    sql <<<"SELECT count(*) FROM ($1)"
}
