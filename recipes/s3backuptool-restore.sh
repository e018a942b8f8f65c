# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the recipe that sources this, and its other parts, share variables and functions
# The restore of s3backuptool: what to restore, chosen; sessions that can be resumed. It is sourced.

# A restore is a session: a table of what is wanted, and one of how, as the original has them. What lies at the target as it
# should be is marked as restored, before anything is fetched and afterwards. So a restore goes on where the last one ended.
restore() {
    open_state
    if [[ -n $yes ]]; then
        set_target "$to"
        new_session
    else
        agree "Restore section $section?" || return 0
        ask_session
        [[ -n $session ]] || ask_restore
    fi
    carry_out
}

# set_target DIR
set_target() {
    [[ -d $1 && -w $1 ]] || give_up 100 "could not restore to $(shown "$1"): it is no folder that can be written to"
    target=$(readlink -f -- "$1")
    target=${target%/}
}

# of_session NAME: REPLY is that setting of the session.
of_session() {
    REPLY=$(sql <<<"SELECT value FROM state.restore_settings_$session WHERE setting = $(quoted "$1")")
}

sessions() {
    sql <<'END'
SELECT substr(name, 15) FROM state.sqlite_master WHERE type = 'table' AND name GLOB 'restore_files_[0-9]*' ORDER BY name;
END
}

# ask_session: which of the earlier ones is meant, if any; then `session` is it.
ask_session() {
    local one number=0 list
    session=''
    list=$(sessions)
    [[ -n $list ]] || return 0
    echo 'There are earlier restores:'
    for one in $list; do
        number=$((number + 1))
        printf '%3d. restore started at: %s with %s items restored and %s items failed to restore out of %s items selected for restore\n' \
            "$number" "$(date -d "@$one" '+%F %T')" \
            "$(count "SELECT 1 FROM state.restore_files_$one WHERE restored = '1'")" \
            "$(count "SELECT 1 FROM state.restore_files_$one WHERE failed = '1'")" \
            "$(count "SELECT 1 FROM state.restore_files_$one")"
    done
    while true; do
        ask "Number of the one to go on with, or n for a new one: "
        [[ ${REPLY,,} == n || ${REPLY,,} == no || ($REPLY =~ ^[0-9]+$ && $REPLY -ge 1 && $REPLY -le $number) ]] && break
    done
    if [[ $REPLY == [0-9]* ]]; then
        session=$(sed -n "${REPLY}p" <<<"$list")
        of_session restore_path
        set_target "$REPLY"
        of_session overwrite
        overwrite=${REPLY/0/}
        of_session overwrite_permissions
        overwrite_permissions=${REPLY/0/}
        if (($(count "SELECT 1 FROM state.restore_files_$session WHERE failed = '1'"))) && agree 'Try those again that failed?'; then
            sql <<<"UPDATE state.restore_files_$session SET failed = '0'"
        fi
    elif agree 'Forget the earlier restores?'; then
        for one in $list; do
            sql <<<"DROP TABLE state.restore_files_$one; DROP TABLE state.restore_settings_$one"
        done
    fi
}

# ask_restore: the questions of a new session.
ask_restore() {
    ask "Folder to restore to; paths go on below it: [$path] "
    set_target "${REPLY:-$path}"
    overwrite=''
    overwrite_permissions=''
    if agree 'Replace files that exist there?'; then
        overwrite=yes
        overwrite_permissions=yes
    elif agree 'Correct the permissions of those that exist?'; then
        overwrite_permissions=yes
    fi
    while true; do
        ask "What to restore: all that the database lists (db), all that is stored (s3), or select: "
        [[ $REPLY == db || $REPLY == s3 || $REPLY == select ]] && break
    done
    source=$REPLY
    if [[ $source == select ]]; then
        know_members
        select_members
        ((${#only[@]})) || give_up 1 'nothing is selected'
    fi
    new_session
}

# new_session: its tables. It takes the place of earlier ones with the same target, and knows from them what lies there
# because a restore was broken off: that may be replaced.
new_session() {
    local one from condition='0' earlier=()
    for one in $(sessions); do
        session=$one
        of_session restore_path
        [[ $REPLY != "${target:-/}" ]] || earlier+=("$one")
    done
    session=$(date +%s)
    while [[ " $(sessions | tr '\n' ' ') " == *" $session "* ]]; do session=$((session + 1)); done
    if [[ -z $source ]]; then
        source=s3
        (($(count 'SELECT 1 FROM state.files') == 0)) || source=db
    fi
    if [[ $source == db ]]; then
        from=state.files
    else
        [[ $source == select ]] || know_members
        from=members
    fi
    ((${#only[@]})) || condition=1
    for one in "${only[@]}"; do
        one=${one%/}
        condition+=" OR filepath = $(quoted "$one") OR substr(filepath, 1, length($(quoted "$one")) + 1) = $(quoted "$one/")"
    done
    sql <<END || give_up 100 "could not write to $state"
BEGIN;
CREATE TABLE state.restore_files_$session($columns, restored text, failed text, s3key text, mtime_at text,
    existed text, PRIMARY KEY(filepath));
CREATE TABLE state.restore_settings_$session(setting text, value text, PRIMARY KEY(setting));
INSERT INTO state.restore_files_$session SELECT filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, ctime,
    encrypted, '0', '0', s3key, mtime_at, '0' FROM $from WHERE $condition;
INSERT INTO state.restore_settings_$session VALUES('restore_path', $(quoted "${target:-/}")), ('overwrite', '${overwrite:+1}'),
    ('overwrite_permissions', '${overwrite_permissions:+1}'), ('file_list_source', '$source'), ('tmpdir_path', ''),
    ('restore_list_generated', '1');
COMMIT;
END
    (($(count "SELECT 1 FROM state.restore_files_$session"))) || {
        sql <<<"DROP TABLE state.restore_files_$session; DROP TABLE state.restore_settings_$session"
        give_up 1 'there is nothing to restore'
    }
    look_at_target
    sql <<<"UPDATE state.restore_files_$session SET existed = '1' WHERE filepath IN (SELECT filepath FROM there)"
    for one in "${earlier[@]}"; do
        sql <<END
UPDATE state.restore_files_$session SET existed = '0' WHERE filepath IN
    (SELECT filepath FROM state.restore_files_$one WHERE existed = '0');
DROP TABLE state.restore_files_$one;
DROP TABLE state.restore_settings_$one;
END
    done
}

# look_at_target: what lies there becomes the table `there`, with the paths that it had.
look_at_target() {
    select_names "SELECT $(quoted "$target") || filepath AS filepath FROM state.restore_files_$session" | look_again there ||
        give_up 100 "could not list $(shown "$target")"
    sql <<END || give_up 100 "could not list $(shown "$target")"
UPDATE there SET filepath = substr(filepath, length($(quoted "$target")) + 1);
UPDATE state.restore_files_$session SET restored = '0';
UPDATE state.restore_files_$session SET restored = '1', failed = '0' WHERE filepath IN (
    SELECT w.filepath FROM state.restore_files_$session w JOIN there t USING (filepath)
    WHERE t.filetype = w.filetype AND (w.filetype = 'symlink' OR t.perm_mode = w.perm_mode)
        AND ($EUID <> 0 OR (t.uid = w.uid AND t.gid = w.gid))
        AND (w.filetype <> 'file' OR w.size = '' OR t.size = w.size)
        AND (w.filetype <> 'symlink' OR t.symlink_target = w.symlink_target)
        AND CASE WHEN w.mtime_at <> '' THEN t.mtime_at = w.mtime_at ELSE CAST(t.mtime AS INTEGER) = CAST(w.mtime AS INTEGER) END);
END
}

carry_out() {
    local need free table=state.restore_files_$session
    look_at_target
    # What is there and may not be replaced.
    sql <<<"CREATE TABLE kept(filepath PRIMARY KEY)"
    if [[ -z $overwrite ]]; then
        sql <<<"INSERT INTO kept SELECT filepath FROM there JOIN $table w USING (filepath) WHERE w.restored = '0'
            AND w.existed = '1' AND w.filetype <> 'dir'"
        say_each warning '%s exists already, and is not replaced' 'SELECT filepath FROM kept'
    fi
    if (($(count "SELECT 1 FROM $table WHERE restored = '0' AND filepath NOT IN kept"))); then
        need=$(sql <<<"SELECT coalesce(sum(CAST(size AS INTEGER)), 0) FROM $table WHERE restored = '0' AND filepath NOT IN kept")
        free=$(df --output=avail -B1 -- "${target:-/}" | tail -n 1)
        ((need <= free)) || give_up 100 "could not restore to $(shown "$target"): it takes $need bytes, and $free are free"
        fetch
        look_at_target
    fi
    if [[ -n $overwrite_permissions && -z $overwrite ]]; then
        correct_permissions
    fi
    [[ -z $signalled ]] || give_up 111 'ended by a signal; the same command goes on'
    if (($(count 'SELECT 1 FROM kept'))); then
        worse 1
    fi
    if ((code < 100)); then
        sql <<<"UPDATE $table SET failed = '1' WHERE restored = '0' AND filepath NOT IN kept"
        say_each error '%s could not be restored' "SELECT filepath FROM $table WHERE failed = '1'"
        (($(count "SELECT 1 FROM $table WHERE failed = '1'") == 0)) || worse 100
    fi
    if [[ -z $quiet ]]; then
        sql <<<"SELECT 'Restored ' || sum(restored = '1') || ' of ' || count(*) || ' items' FROM $table"
    fi
    # A session is there to be gone on with.
    if ((code == 0)); then
        sql <<<"DROP TABLE $table; DROP TABLE state.restore_settings_$session"
    fi
}

# fetch: what is wanted comes as archives, one after the other: what is not encrypted, what is, and what the original
# encrypted. One tar unpacks them all, since it sets the times of folders at its end.
fetch() {
    local form condition status
    # shellcheck disable=SC2034 # they are used by the name that `open` has
    local open_plain=() open_own=() open_seed=()
    : >"$scratch/statuses"
    for form in plain own seed; do
        case $form in
            plain) condition="encrypted = '0'" ;;
            own) condition="encrypted = '1' AND mtime_at <> ''" ;;
            seed) condition="encrypted = '1' AND mtime_at = ''" ;;
        esac
        # Folders always: what comes into them changes their times.
        sql >"$scratch/keys.$form" <<END
SELECT s3key FROM state.restore_files_$session WHERE failed = '0' AND (filetype = 'dir' OR restored = '0')
    AND filepath NOT IN kept AND $condition ORDER BY s3key;
END
        [[ $form == plain || ! -s $scratch/keys.$form ]] || prepare_open "$form"
    done
    for form in plain own seed; do
        [[ -s $scratch/keys.$form ]] || continue
        local -n open=open_$form
        s3get "${voice[@]}" "${place[@]}" "${open[@]}" --members "$prefix" --only - <"$scratch/keys.$form"
        status=$?
        echo "$status" >>"$scratch/statuses"
        ((status < 100)) || break
    done | tar -x -i -p --same-owner --numeric-owner --xattrs --xattrs-include='*' --acls --delay-directory-restore \
        -C "${target:-/}" -f - &
    await $! || true
    [[ -z $signalled ]] || return 0
    while read -r status; do worse "$status"; done <"$scratch/statuses"
}

# correct_permissions: of what was there before.
correct_permissions() {
    local uid gid mode name
    while IFS=' ' read -r -d '' uid gid mode name; do
        ((EUID != 0)) || chown -h -- "$uid:$gid" "$target$name" || worse 100
        [[ -L $target$name ]] || chmod -- "${mode: -4}" "$target$name" || worse 100
    done < <(select_names "SELECT uid || ' ' || gid || ' ' || perm_mode || ' ' || filepath AS filepath
        FROM state.restore_files_$session WHERE filepath IN kept")
}

# select_members: a small shell; `only` is what was selected.
select_members() {
    local root=/$prefix line command argument item here=$path one kept
    only=()
    while true; do
        printf '#:> ' >&2
        IFS= read -r line || give_up 2 'no answer came'
        [[ -t 0 ]] || echo >&2
        trim "$line"
        command=${REPLY%%[[:space:]]*}
        trim "${REPLY#"$command"}"
        argument=$REPLY
        # A path: below the one where we are, or from the top of the bucket.
        case $argument in
            '') item=$path ;;
            ..) item=${here%/*} ;;
            /*) item=${argument#"$root"} ;;
            *) item=${here%/}/$argument ;;
        esac
        while [[ $item == */ && $item != / ]]; do item=${item%/}; done
        case $command in
            '') ;;
            pwd) printf '%s\n' "$root$here" ;;
            ls) list_members "$here" ;;
            cd)
                if [[ -n $(sql <<<"SELECT 1 FROM members WHERE filetype = 'dir' AND filepath = $(quoted "$item")
                        UNION SELECT 1 FROM members WHERE substr(filepath, 1, length($(quoted "${item%/}/"))) = $(quoted "${item%/}/")") ]]; then
                    here=${item:-/}
                else
                    printf 'No such folder: %s\n' "$root$item"
                fi
                ;;
            select)
                if [[ -z $argument ]]; then
                    echo 'select what?'
                elif [[ -z $(sql <<<"SELECT 1 FROM members WHERE filepath = $(quoted "$item") OR substr(filepath, 1,
                        length($(quoted "${item%/}/"))) = $(quoted "${item%/}/") LIMIT 1") ]]; then
                    printf 'Not stored: %s\n' "$root$item"
                else
                    kept=()
                    for one in "${only[@]}"; do
                        if [[ $item == "$one" || $item == "${one%/}/"* ]]; then
                            printf 'Selected already: %s\n' "$root$one"
                            continue 2
                        fi
                        [[ $one == "${item%/}/"* ]] || kept+=("$one")
                    done
                    only=("${kept[@]}" "$item")
                fi
                ;;
            show) for one in "${only[@]}"; do printf '%s\n' "$root$one"; done ;;
            unselect)
                kept=()
                for one in "${only[@]}"; do [[ $one == "$item" ]] || kept+=("$one"); done
                ((${#kept[@]} < ${#only[@]})) || printf 'Not selected: %s\n' "$root$item"
                only=("${kept[@]}")
                ;;
            finish) return ;;
            help | *)
                [[ $command == help ]] || printf 'No such command: %s\n' "$command"
                cat <<'END'
cd PATH        go to a folder       pwd             where we are
ls             what is here         help            this
select PATH    restore it, with what is below it
unselect PATH  don't                show            what is selected
finish         restore what is selected
END
                ;;
        esac
    done
}

# list_members FOLDER
list_members() {
    local folder=${1%/}/
    printf '%7s %10s  %19s  %s\n' TYPE SIZE CTIME NAME
    sql <<END
SELECT printf('%7s %10s  %19s  ', filetype, $(human "CASE WHEN size = '' THEN 0 ELSE CAST(size AS INTEGER) END"),
        datetime(CAST(ctime AS INTEGER), 'unixepoch', 'localtime')) || $(printable 'name') || CASE filetype WHEN 'dir' THEN '/' ELSE '' END
    FROM (SELECT *, substr(filepath, length($(quoted "$folder")) + 1) AS name FROM members
        WHERE substr(filepath, 1, length($(quoted "$folder"))) = $(quoted "$folder"))
    WHERE name <> '' AND instr(name, '/') = 0 ORDER BY name;
END
}
