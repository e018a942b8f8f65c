# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the recipe that sources this, and its other parts, share variables and functions
# What s3backuptool has stored, as the bucket says. It is sourced.

# fetch_list: what is below the prefix becomes the table `stored`; in it, what has no filetype is not ours.
fetch_list() {
    local status key digits
    # No objects at all are an error of s3ls, so its status tells less than its list.
    s3ls -q -a -j --no-checksum "${place[@]}" >"$scratch/listing" 2>"$scratch/said"
    status=$?
    if ((status > 1)) && ! grep -q 'there is no dump' "$scratch/said"; then
        cat -- "$scratch/said" >&2
        worse "$status"
        give_up "$status" 'could not list what is stored'
    fi
    (cd -- "$scratch" && sqlite scratch.db <<END
CREATE TABLE lines(line);
.mode ascii
.separator "\001" "\n"
.import listing lines
-- The second objects of members, in which stands what didn't fit, are no files of anybody.
CREATE TABLE listed AS SELECT json_extract(line, '$.key') AS key, json_extract(line, '$.size') AS size FROM lines
    WHERE substr(json_extract(line, '$.key'), 1, $((${#prefix} + 1))) = $(quoted "$prefix/")
        AND NOT json_extract(line, '$.key') GLOB '*.[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].META'
    ORDER BY 1;
DROP TABLE lines;
CREATE TABLE heads(nth INTEGER PRIMARY KEY, fields);
END
    ) || give_up 100 'could not read the list of what is stored'
    if [[ ${place[1]} == file://* ]]; then
        read_records
    else
        ask_heads
    fi || give_up "${code/#0/100}" 'could not read the metadata of what is stored'
    # What didn't fit into the metadata is in a second object.
    while IFS=$'\t' read -r key digits; do
        s3get -q "${place[@]}" --key="$key.$digits.META" >"$scratch/more" || give_up 100 "could not read what $(shown "$key") is"
        sql <<<"UPDATE heads SET fields = json_patch(fields, $(quoted "$(<"$scratch/more")"))
            WHERE nth = (SELECT rowid FROM listed WHERE key = $(quoted "$key"))"
    done < <(sql -separator $'\t' <<<"SELECT key, json_extract(fields, '\$.\"s3pipes-more\"') FROM listed JOIN heads ON nth = listed.rowid
        WHERE json_extract(fields, '\$.\"s3pipes-more\"') IS NOT NULL")
    sql >"$scratch/stored" <<'END'
SELECT json_object('key', key, 'size', size, 'member', CASE WHEN json_extract(fields, '$.filepath') IS NOT NULL
        AND json_extract(fields, '$.filetype') IS NOT NULL AND json_extract(fields, '$.perm_mode') IS NOT NULL THEN json(fields) END)
    FROM listed LEFT JOIN heads ON nth = listed.rowid ORDER BY listed.rowid;
END
    read_lines stored || give_up 100 'could not read the list of what is stored'
}

# read_records: of a file:// place the metadata is in files (doc/format/embedded-store.md).
read_records() {
    find "${place[1]#file://}/.s3pipes/meta" -type f -name '*%o' -exec cat {} + >"$scratch/records" || return
    (cd -- "$scratch" && sqlite scratch.db <<'END'
CREATE TABLE lines(line);
.mode ascii
.separator "\001" "\n"
.import records lines
INSERT INTO heads SELECT listed.rowid, json_extract(line, '$.metadata') FROM lines JOIN listed
    ON key = json_extract(line, '$.key') WHERE json_valid(line) AND json_extract(line, '$.metadata') IS NOT NULL;
DROP TABLE lines;
END
    )
}

# ask_heads: of a server it is what HEAD answers. curl makes the requests, many at once, and signs them; the secret reaches
# it through a pipe.
ask_heads() {
    local bucket=${place[1]#s3://} server region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}} status
    need curl
    (($(count 'SELECT 1 FROM listed'))) || return 0
    server=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-}}
    if [[ -z ${AWS_ACCESS_KEY_ID:-} || -z ${AWS_SECRET_ACCESS_KEY:-} ]]; then
        need aws
        local AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' AWS_SESSION_TOKEN=''
        eval "$(aws configure export-credentials --format env-no-export | sed "s/=\(.*\)/='\1'/")" || return
    fi
    region=${region:-us-east-1}
    server=${server:-https://s3.$region.amazonaws.com}
    sql <<<'SELECT key FROM listed ORDER BY rowid' >"$scratch/keys"
    {
        printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
        [[ -z ${AWS_SESSION_TOKEN:-} ]] || printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN"
        [[ -z ${AWS_CA_BUNDLE:-} ]] || printf 'cacert = "%s"\n' "$AWS_CA_BUNDLE"
        # Of no bytes, which is what a HEAD sends.
        printf 'header = "x-amz-content-sha256: %s"\n' e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        escape_keys <"$scratch/keys" | sed "s,^,url = \"${server%/}/$bucket/,; s,\$,\"\noutput = /dev/null,"
    } | curl -q --silent --show-error --no-progress-meter --head --globoff --path-as-is --proto '=http,https' --connect-timeout 30 --retry 5 \
        --parallel --parallel-max 16 --aws-sigv4 "aws:amz:$region:s3" --config - \
        --write-out '{"nth":%{urlnum},"status":"%{http_code}","headers":%{header_json}}' |
        tr -d '\r\n' | sed 's/}{"nth":/}\n{"nth":/g; $s/$/\n/' >"$scratch/heads"
    status=${PIPESTATUS[1]}
    # Some servers write - where _ was sent.
    (cd -- "$scratch" && sqlite scratch.db <<'END'
CREATE TABLE lines(line);
.mode ascii
.separator "\001" "\n"
.import heads lines
INSERT INTO heads SELECT json_extract(line, '$.nth') + 1, (SELECT json_group_object(CASE substr(lower(h.key), 12)
        WHEN 'perm-mode' THEN 'perm_mode' WHEN 'filename-encoded' THEN 'filename_encoded' WHEN 'mtime-ns' THEN 'mtime_ns'
        WHEN 'symlink-target' THEN 'symlink_target' WHEN 'hardlink-target' THEN 'hardlink_target'
        ELSE substr(lower(h.key), 12) END, json_extract(h.value, '$[0]'))
        FROM json_each(line, '$.headers') h WHERE lower(h.key) GLOB 'x-amz-meta-*')
    FROM lines WHERE json_extract(line, '$.status') = '200';
DROP TABLE lines;
END
    ) || return
    if ((status == 0)) && (($(count 'SELECT 1 FROM heads') == $(count 'SELECT 1 FROM listed'))); then
        return 0
    fi
    worse 111
    return 111
}

# escape_keys: lines as they stand in a URL.
escape_keys() {
    local key letter byte
    while IFS= read -r key; do
        if [[ $key == *[!A-Za-z0-9/._~-]* ]]; then
            local out='' at
            for ((at = 0; at < ${#key}; at++)); do
                letter=${key:at:1}
                if [[ $letter == [A-Za-z0-9/._~-] ]]; then
                    out+=$letter
                else
                    printf -v byte '%02X' "'$letter"
                    # A byte above 127 counts as negative.
                    out+=%${byte: -2}
                fi
            done
            key=$out
        fi
        printf '%s\n' "$key"
    done
}

# know_members: from that the table `members`, which has one row for each path.
know_members() {
    fetch_list
    # Of a hard link the size is that of the file; a file with holes is a file.
    sql <<'END' || give_up 100 'could not read the list of what is stored'
UPDATE stored SET plain_size = (SELECT t.plain_size FROM stored t WHERE t.filepath = stored.link AND t.filetype IN ('file', 'sparse'))
    WHERE filetype = 'hardlink';
CREATE TABLE members AS SELECT filepath, uid, gid, perm_mode, coalesce(md5, '') AS md5,
    CASE WHEN filetype IN ('sparse', 'hardlink') THEN 'file' ELSE filetype END AS filetype,
    CASE WHEN filetype IN ('file', 'sparse', 'hardlink') THEN coalesce(plain_size, '') ELSE '0' END AS size,
    coalesce(symlink_target, '') AS symlink_target, mtime, ctime, CASE encrypted WHEN 'True' THEN '1' ELSE '0' END AS encrypted,
    key AS s3key, CASE WHEN format IS NULL THEN '' ELSE mtime || '.' || printf('%09d0', coalesce(mtime_ns, 0)) END AS mtime_at,
    coalesce(link, '') AS link, size AS stored_size, filetype AS stored_type
    FROM stored WHERE filetype IS NOT NULL;
-- One path twice: the original left what was there before a path changed its type. What changed last counts.
CREATE TABLE doubles AS SELECT filepath, s3key FROM (SELECT filepath, s3key, row_number() OVER (PARTITION BY filepath
    ORDER BY s3key NOT IN (SELECT s3key FROM state.files), CAST(ctime AS INTEGER) DESC) AS nth FROM members) WHERE nth > 1;
DELETE FROM members WHERE s3key IN (SELECT s3key FROM doubles);
CREATE UNIQUE INDEX members_by_path ON members(filepath);
END
    say_each warning '%s is stored twice, as different types; the older one is left alone' 'SELECT filepath FROM doubles'
}

list_remote() {
    fetch_list
    printf '%7s %10s %s\n' type size name
    sql <<END
SELECT CASE WHEN filetype IS NULL THEN printf('%7s %10s ', 'ERROR', 'ERROR') || $(printable key)
        || '   <=== THIS OBJECT IS NOT MANAGED BY THIS TOOL'
    ELSE printf('%7s %10s ', CASE filetype WHEN 'sparse' THEN 'file' WHEN 'hardlink' THEN 'file' ELSE filetype END,
        $(human size)) || $(quoted "$parent") || $(printable filepath) || CASE filetype WHEN 'dir' THEN '/' ELSE '' END END
    FROM stored ORDER BY key;
END
    (($(count 'SELECT 1 FROM stored'))) || worse 1
}

stats() {
    open_state
    printf -- '-%.0s' {1..80}
    echo
    sql <<END
SELECT 'In configuration section $section there are ' || count(*) || ' backed up items out of which:' FROM state.files;
SELECT '        ' || count(*) || ' directories/folders' FROM state.files WHERE filetype = 'dir';
SELECT '        ' || count(*) || ' files' FROM state.files WHERE filetype = 'file';
SELECT '        ' || count(*) || ' symlinks' FROM state.files WHERE filetype = 'symlink';
SELECT '        ' || count(*) || ' devices and pipes' FROM state.files WHERE filetype NOT IN ('dir', 'file', 'symlink')
    HAVING count(*) > 0;
SELECT 'Total size of backed up files is ' || $(human 'sum(size)') FROM state.files WHERE filetype = 'file' HAVING count(*) > 0;
SELECT 'Which means an average of ' || $(human 'sum(size) / count(*)') || ' per file' FROM state.files WHERE filetype = 'file'
    HAVING count(*) > 0;
SELECT 'Oldest file (mtime) is from ' || datetime(min(CAST(mtime AS INTEGER)), 'unixepoch', 'localtime') || ' and newest from '
    || datetime(max(CAST(mtime AS INTEGER)), 'unixepoch', 'localtime') FROM state.files WHERE filetype = 'file' HAVING count(*) > 0;
END
}

# syncdb_remote: rows become what is stored says; rows whose object is gone go, so that it is stored again.
syncdb_remote() {
    open_state
    know_members
    sql <<'END'
CREATE TABLE news AS SELECT m.* FROM members m LEFT JOIN state.files f USING (filepath) WHERE f.filepath IS NULL
    OR f.s3key <> m.s3key OR f.uid IS NOT m.uid OR f.gid IS NOT m.gid OR f.perm_mode IS NOT m.perm_mode OR f.filetype <> m.filetype
    OR (m.size <> '' AND m.filetype = 'file' AND f.size IS NOT m.size) OR coalesce(f.symlink_target, '') <> m.symlink_target
    OR f.mtime IS NOT m.mtime OR f.md5 IS NOT m.md5 OR f.encrypted IS NOT m.encrypted OR f.link <> m.link
    OR (f.mtime_at <> '' AND m.mtime_at <> '' AND f.mtime_at <> m.mtime_at);
CREATE TABLE lost AS SELECT filepath FROM state.files WHERE filepath NOT IN (SELECT filepath FROM members);
END
    if ((threshold <= 20)); then
        say_each info 'row corrected: %s' 'SELECT filepath FROM news'
    fi
    say_each warning '%s is not stored any more; the next backup stores it again' 'SELECT filepath FROM lost'
    sql <<'END' || give_up 100 "could not write to $state"
BEGIN;
INSERT OR REPLACE INTO state.files(filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, ctime, encrypted,
        s3key, mtime_at, ctime_at, link)
    SELECT filepath, uid, gid, perm_mode, md5, filetype, size, symlink_target, mtime, ctime, encrypted, s3key, mtime_at, '', link
    FROM news;
DELETE FROM state.files WHERE filepath IN lost;
COMMIT;
END
    remember_place
}

# update_s3_metadata: what the disk says of each file that is as it was stored.
update_s3_metadata() {
    open_state
    same_place
    seal=()
    look_around
    compare
    failed=''
    update_metadata "SELECT filepath FROM now WHERE filepath NOT IN (SELECT filepath FROM todo WHERE how NOT IN ('same', 'meta'))
        AND filetype = 'file' AND links = '1'"
    local rest="SELECT filepath FROM now JOIN state.files f USING (filepath) WHERE f.filetype <> 'file'
        AND filepath NOT IN (SELECT filepath FROM todo WHERE how NOT IN ('same', 'meta'))"
    if [[ -z $signalled ]] && (($(count "$rest"))); then
        store "$rest"
    fi
    say_each warning '%s has changed; the next backup stores it' "SELECT filepath FROM todo WHERE how NOT IN ('same', 'meta')"
    [[ -z $signalled ]] || give_up 111 'ended by a signal'
}
