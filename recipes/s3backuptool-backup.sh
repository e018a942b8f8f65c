# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the recipe that sources this, and its other parts, share variables and functions
# The backup of s3backuptool: what differs is stored; a row moves forward when its receipt is there. It is sourced.

backup() {
    local todo
    open_state
    same_place
    prepare_seal
    look_around
    [[ -z $check_md5 ]] || sum_up
    compare
    todo=$(count "SELECT 1 FROM todo WHERE how NOT IN ('same', 'meta')")
    say info "section $section: $todo to store"
    failed=''
    if ((todo)); then
        store "SELECT filepath FROM todo WHERE how NOT IN ('same', 'meta')"
    fi
    update_metadata "SELECT filepath FROM todo WHERE how = 'meta'"
    [[ -z $signalled ]] || give_up 111 'ended by a signal; what was stored until then is recorded'
    remove_gone
}

# sum_up: the MD5 sums of all files that are not new, and of new ones that are so large that their receipts tell none.
sum_up() {
    select_names "SELECT n.filepath FROM now n LEFT JOIN state.files f USING (filepath)
            WHERE n.filetype = 'file' AND (f.filepath IS NOT NULL OR CAST(n.size AS INTEGER) > 16777216)" |
        xargs -0 -r md5sum -z -- |
        sed -z 's/"/""/g; s/^\(.\{32\}\)  \(.*\)$/\1,"\2"\n/' | tr -d '\0' >"$scratch/sums.csv"
    (cd -- "$scratch" && sqlite scratch.db '.import --csv sums.csv sums') || give_up 100 'could not sum up the files'
}

# compare: what is on the disk with the rows of the last run. It asks nobody but the database.
compare() {
    local sums=NULL sealed=0
    [[ -z $check_md5 ]] || sums='(SELECT md5 FROM sums s WHERE s.filepath = n.filepath)'
    [[ -z $encrypt ]] || sealed=1
    sql <<END || give_up 100 'could not compare'
INSERT INTO todo SELECT filepath, how FROM (SELECT n.filepath, CASE
    WHEN f.filepath IS NULL THEN 'new'
    WHEN f.filetype <> n.filetype THEN 'changed'
    WHEN n.filetype = 'file' AND f.size <> n.size THEN 'changed'
    WHEN n.filetype = 'symlink' AND f.symlink_target IS NOT n.symlink_target THEN 'changed'
    WHEN CASE WHEN f.mtime_at <> '' THEN f.mtime_at <> n.mtime_at ELSE CAST(f.mtime AS INTEGER) <> CAST(n.mtime AS INTEGER) END
        THEN 'changed'
    WHEN n.filetype = 'file' AND $sums <> f.md5 THEN 'changed'
    WHEN n.filetype = 'file' AND n.size > 0 AND $sealed AND f.encrypted IS NOT '1' THEN 'changed'
    -- Who or what may read it has changed, which explains the ctime: the content need not be sent.
    WHEN f.uid <> n.uid OR f.gid <> n.gid OR f.perm_mode <> n.perm_mode
        THEN CASE WHEN n.filetype = 'file' AND n.links = '1' THEN 'meta' ELSE 'changed' END
    -- Attributes, a link more or less, or another content with the mtime put back.
    WHEN f.ctime_at <> '' AND f.ctime_at <> n.ctime_at THEN 'changed'
    -- The original wrote the row, or syncdb_remote: from now on we know more exactly.
    WHEN f.mtime_at = '' OR f.ctime_at = '' THEN 'same'
    ELSE NULL END AS how FROM now n LEFT JOIN state.files f USING (filepath)) WHERE how IS NOT NULL;
-- Names of one file go together, so that they stay names of one file.
INSERT INTO todo SELECT filepath, 'linked' FROM now WHERE filetype = 'file' AND links <> '1'
    AND inode IN (SELECT inode FROM now JOIN todo USING (filepath) WHERE how NOT IN ('same', 'meta') AND links <> '1')
    ON CONFLICT(filepath) DO UPDATE SET how = 'linked' WHERE how = 'same';
UPDATE state.files SET (mtime_at, ctime_at) = (SELECT mtime_at, ctime_at FROM now n WHERE n.filepath = files.filepath)
    WHERE filepath IN (SELECT filepath FROM todo WHERE how = 'same');
END
    if ((threshold <= 20)); then
        say_each info 'new: %s' "SELECT filepath FROM todo WHERE how = 'new'"
        say_each info 'changed: %s' "SELECT filepath FROM todo WHERE how IN ('changed', 'linked')"
        say_each info 'only metadata changed: %s' "SELECT filepath FROM todo WHERE how = 'meta'"
    fi
}

# store QUERY: the files become objects, and their receipts rows.
store() {
    local status missing="SELECT filepath FROM ($1) WHERE filepath NOT IN (SELECT filepath FROM receipts)"
    select_names "$1 ORDER BY filepath" >"$scratch/names"
    tar -c -P --format=pax --sparse --xattrs --xattrs-include='*' --acls --ignore-failed-read --no-recursion \
        --null -T "$scratch/names" |
        s3put "${voice[@]}" "${place[@]}" --members "$prefix" --overwrite --ok-status tar:1 "${seal[@]}" >"$scratch/receipts" &
    await $!
    status=$?
    [[ -n $signalled ]] || worse "$status"
    ((status < 2)) || failed=yes
    record receipts || give_up 100 "could not record in $state what was stored"
    look_again later <"$scratch/names"
    complain '%s changed while it was being stored; the next run stores it again' \
        "SELECT filepath FROM receipts JOIN now n USING (filepath) LEFT JOIN later l USING (filepath)
            WHERE n.filetype = 'file' AND (l.mtime_at IS NOT n.mtime_at OR l.size <> n.size)"
    if ((status < 100)) && [[ -z $signalled ]]; then
        complain '%s could not be stored' "$missing"
    fi
    # Perhaps that is the new name of something that is gone under its old one.
    (($(count "$missing") == 0)) || failed=yes
}

# update_metadata QUERY: the objects of these files get their metadata. Copies without content have all that tar tells.
update_metadata() {
    local status
    (($(count "$1"))) || return 0
    [[ -z $signalled ]] || return 0
    mkdir -p -- "$scratch/copy"
    select_names "$1 ORDER BY filepath" >"$scratch/names"
    # With --parents cp wants the parents below the folder where it is.
    if ! sed -z 's/^/./' "$scratch/names" | (cd / && exec xargs -0 -r cp -d --preserve=all --attributes-only --parents \
        -t "$scratch/copy" --) 2>"$scratch/said"; then
        say debug "copies of metadata can't be made: $(head -n 1 "$scratch/said")"
        store "$1"
        return
    fi
    # Who may not give files away makes copies that are not like the files.
    sed -z "s/^/./" "$scratch/names" | (cd -- "$scratch/copy" && look_again copies)
    sql <<<"UPDATE copies SET filepath = substr(filepath, 2)"
    local alike="SELECT filepath FROM ($1) JOIN now n USING (filepath) JOIN copies c USING (filepath)
        WHERE c.uid = n.uid AND c.gid = n.gid AND c.perm_mode = n.perm_mode AND c.mtime_at = n.mtime_at"
    local unlike="SELECT filepath FROM ($1) WHERE filepath NOT IN ($alike)"
    select_names "SELECT '.' || filepath AS filepath FROM ($alike) ORDER BY filepath" >"$scratch/names"
    if [[ -s $scratch/names ]]; then
        tar -c -C "$scratch/copy" --format=pax --xattrs --xattrs-include='*' --acls --no-recursion --null -T "$scratch/names" |
            s3put "${voice[@]}" "${place[@]}" --members "$prefix" --metadata-only >"$scratch/receipts" &
        await $!
        status=$?
        [[ -n $signalled ]] || worse "$status"
        ((status < 2)) || failed=yes
        quiet=yes record receipts || give_up 100 "could not record in $state what was stored"
    fi
    if (($(count "$unlike"))); then
        store "$unlike"
    fi
}

# read_lines NAME: the table NAME of JSON lines in the file NAME: receipts, or a list of members.
read_lines() {
    (cd -- "$scratch" && sqlite scratch.db <<END
DROP TABLE IF EXISTS lines;
CREATE TABLE lines(line);
.mode ascii
.separator "\001" "\n"
.import $1 lines
DROP TABLE IF EXISTS $1;
-- The path is the key less what was added. Where it was written otherwise, see read_odd_names.
CREATE TABLE $1 AS SELECT key, size, seconds, json_extract(m, '$.filetype') AS filetype, json_extract(m, '$.uid') AS uid,
    json_extract(m, '$.gid') AS gid, json_extract(m, '$.perm_mode') AS perm_mode, json_extract(m, '$.size') AS plain_size,
    json_extract(m, '$.mtime') AS mtime, json_extract(m, '$.mtime_ns') AS mtime_ns, json_extract(m, '$.ctime') AS ctime,
    json_extract(m, '$.md5') AS md5, json_extract(m, '$.encrypted') AS encrypted,
    json_extract(m, '$.filename_encoded') = 'True' AS escaped, json_extract(m, '$.symlink_target') AS symlink_target,
    json_extract(m, '$.hardlink_target') AS link, json_extract(m, '$."s3pipes-member"') AS format,
    '/' || ltrim(substr(key, $((${#prefix} + 1)), length(key) - $((${#prefix})) - CASE json_extract(m, '$.filetype')
        WHEN 'dir' THEN 1 WHEN 'symlink' THEN 8 WHEN 'hardlink' THEN 9 WHEN 'fifo' THEN 5 WHEN 'chardev' THEN 8
        WHEN 'blockdev' THEN 9 ELSE 0 END), '/') AS filepath
    FROM (SELECT json_extract(line, '$.key') AS key, json_extract(line, '$.size') AS size,
        json_extract(line, '$.seconds') AS seconds, json_extract(line, '$.member') AS m FROM lines WHERE json_valid(line));
DROP TABLE lines;
CREATE INDEX $1_by_path ON $1(filepath);
END
    ) && read_odd_names "$1"
}

# read_odd_names NAME: puts the texts right that were escaped: paths in keys, and where links lead.
read_odd_names() {
    local row what text
    while IFS=$'\t' read -r row what text; do
        case $what in
            path)
                # A name that looks like a key of something else has .FILE behind it.
                [[ $text =~ \.(SYMLINK|HARDLINK|FIFO|CHARDEV|BLOCKDEV|META)(\.FILE)+$ ]] && text=${text%.FILE}
                decode_key "$text"
                ;;
            *) unescape "$text" ;;
        esac
        printf 'UPDATE %s SET %s = %s WHERE rowid = %s;\n' "$1" "${what/#path/filepath}" "$(quoted "$REPLY")" "$row"
    done < <(sql -separator $'\t' <<END
SELECT rowid, 'path', filepath FROM $1 WHERE format IS NOT NULL
    AND (filepath GLOB '*%[0-9A-F][0-9A-F]*' OR (filetype IN ('file', 'sparse') AND filepath GLOB '*.FILE'));
SELECT rowid, 'symlink_target', symlink_target FROM $1 WHERE escaped AND format IS NOT NULL AND symlink_target GLOB '*\\*';
SELECT rowid, 'link', link FROM $1 WHERE escaped AND link GLOB '*\\*';
END
    ) >"$scratch/odd"
    { echo 'BEGIN;'; cat -- "$scratch/odd"; echo 'COMMIT;'; } | sql
}

# decode_key TEXT: %XX is a byte.
decode_key() {
    local rest=$1 out='' byte
    while [[ $rest =~ ^([^%]*)%([0-9A-F][0-9A-F])(.*)$ ]]; do
        printf -v byte '%b' "\\x${BASH_REMATCH[2]}"
        out+=${BASH_REMATCH[1]}$byte
        rest=${BASH_REMATCH[3]}
    done
    REPLY=$out$rest
}

# unescape TEXT: what Python's unicode_escape has made; \udcXX is a byte.
unescape() {
    local rest=$1 out='' piece
    local one='^([^\\]*)\\(\\|n|r|t|x[[:xdigit:]]{2}|u[[:xdigit:]]{4}|U[[:xdigit:]]{8})(.*)$'
    while [[ $rest =~ $one ]]; do
        rest=${BASH_REMATCH[3]}
        out+=${BASH_REMATCH[1]}
        piece=${BASH_REMATCH[2]}
        case $piece in
            \\) ;;
            n) piece=$'\n' ;;
            r) piece=$'\r' ;;
            t) piece=$'\t' ;;
            u[dD][cC]*) printf -v piece '%b' "\\x${piece:3}" ;;
            x*) LC_ALL=C.UTF-8 printf -v piece '%b' "\\u00${piece:1}" ;;
            *) LC_ALL=C.UTF-8 printf -v piece '%b' "\\$piece" ;;
        esac
        out+=$piece
    done
    REPLY=$out$rest
}

# record NAME: rows move forward for what the receipts in the file NAME say.
record() {
    read_lines "$1" || return
    sql <<END || return
BEGIN;
INSERT OR IGNORE INTO state.stale SELECT f.s3key FROM state.files f JOIN $1 g USING (filepath) WHERE f.s3key <> g.key;
INSERT OR REPLACE INTO state.files(filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, ctime,
        encrypted, s3key, mtime_at, ctime_at, link)
    SELECT n.filepath, n.uid, n.gid, n.perm_mode,
        coalesce(g.md5, (SELECT s.md5 FROM sums s WHERE s.filepath = n.filepath), ''), n.filetype, n.size, n.symlink_target, n.mtime, n.ctime,
        CASE g.encrypted WHEN 'True' THEN '1' ELSE '0' END, g.key, n.mtime_at, n.ctime_at, coalesce(g.link, '')
    FROM $1 g JOIN now n USING (filepath);
DELETE FROM state.stale WHERE s3key IN (SELECT s3key FROM state.files);
COMMIT;
END
    if [[ -z $quiet ]]; then
        sql <<<"SELECT '100%   ' || printf('%9s', $(human 'CASE WHEN seconds > 0 THEN size / seconds ELSE 0 END')) || '/sec  ' ||
            $(printable filepath) FROM $1 ORDER BY filepath"
    fi
}

# human EXPRESSION: SQL for a number of bytes as the original shows them.
human() {
    local unit out='' scale=1
    for unit in '' Ki Mi Gi Ti Pi; do
        out+="WHEN ($1) < $((scale * 1024)).0 THEN printf('%.1f %sB', ($1) / $scale.0, '$unit') "
        scale=$((scale * 1024))
    done
    printf '%s' "CASE ${out}ELSE printf('%.1f EiB', ($1) / $scale.0) END"
}

# printable EXPRESSION: SQL for a name on a line of a list.
printable() {
    local out=$1 char
    for char in 10:n 13:r 9:t 27:e; do
        out="replace($out, char(${char%:*}), '\\${char#*:}')"
    done
    printf '%s' "$out"
}

# remove_gone: what is no longer there is deleted, unless it is suspiciously much.
remove_gone() {
    local gone total
    if [[ -z $delete_removed ]]; then
        remove 'SELECT s3key FROM state.stale'
        return
    fi
    # The content of a file that others are linked to stays until they have it themselves.
    sql <<'END' || give_up 100 'could not compare'
CREATE TABLE gone AS SELECT filepath, s3key FROM state.files
    WHERE filepath NOT IN (SELECT filepath FROM now) AND filepath NOT IN left_out;
DELETE FROM gone WHERE filepath IN (SELECT link FROM state.files WHERE link <> '' AND filepath NOT IN (SELECT filepath FROM gone));
END
    gone=$(count 'SELECT 1 FROM gone')
    total=$(count 'SELECT 1 FROM state.files')
    if [[ -n $failed ]]; then
        ((gone == 0)) || say warning "section $section: not all could be stored, so nothing is deleted"
        return
    elif [[ -z $whole ]]; then
        worse 1
        say warning "section $section: not all could be read, so nothing is deleted"
        sql <<<'DELETE FROM gone'
    elif ((gone)) && if [[ $max_delete == *% ]]; then ((gone * 100 > ${max_delete%\%} * total)); else ((gone > max_delete)); fi; then
        worse 100
        say error "section $section: $gone of $total objects would be deleted, more than $max_delete; none is"
        say hint "is $(shown "$path") mounted? If they are to go, use --max-delete $(((gone * 100 + total - 1) / total))%"
        sql <<<'DELETE FROM gone'
    elif ((threshold <= 20)); then
        say_each info 'deleted: %s' 'SELECT filepath FROM gone'
    fi
    remove 'SELECT s3key FROM gone UNION SELECT s3key FROM state.stale'
}

# remove QUERY: deletes the objects with these keys, and then what the database says of them.
remove() {
    sql <<<"$1" >"$scratch/keys"
    [[ -s $scratch/keys ]] || return 0
    remove_keys <"$scratch/keys" >"$scratch/removed"
    (cd -- "$scratch" && sqlite scratch.db <<END
ATTACH $(quoted "$state") AS state;
CREATE TABLE removed(s3key);
.mode ascii
.separator "\001" "\n"
.import removed removed
BEGIN;
DELETE FROM state.files WHERE s3key IN (SELECT s3key FROM removed);
DELETE FROM state.stale WHERE s3key IN (SELECT s3key FROM removed);
COMMIT;
END
    ) || give_up 100 "could not record in $state what was deleted"
}

# remove_keys: deletes the objects whose keys are on standard input, a line each; writes the keys of those that are gone, also
# of those that somebody else has deleted.
remove_keys() {
    local status
    # shellcheck disable=SC2016 # it is for the shell that xargs runs
    xargs -r -d '\n' -P 8 -n 1 sh -c '
        for key; do :; done
        said=$(s3prune -q "$1" "$2" --force --delete "--key=$key" 2>&1 >/dev/null)
        status=$?
        case $status:$said in
            0:*) ;;
            100:*": there is no such key") status=0 ;;
            *) printf "%s\n" "$said" >&2 ;;
        esac
        # xargs goes on after any status but 255, and tells of it.
        if [ "$status" = 0 ]; then printf "%s\n" "$key"; else printf "%s\n" "$status" >>"$3"; fi
    ' sh "${place[@]}" "$scratch/refused"
    [[ -e $scratch/refused ]] || return 0
    while read -r status; do worse "$status"; done <"$scratch/refused"
}
