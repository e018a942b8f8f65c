# needs: sqlite3
# A database that dumps itself.

. "$CASES/lib.sh"
s3put -q --make-bucket
sqlite3 shop.db <<'END'
create table item (name text primary key, price integer);
insert into item values ('bolt', 12), ('nut', 7), ('it''s a
two line name', 1);
create view cheap as select name from item where price < 10;
END

sqlite3 shop.db .dump | gzip | s3put -q --host ember --date 2019-11-30 shop.sql.gz 0 | jq -r .key
echo "exit ${PIPESTATUS[*]}"
s3get --host ember --date 2019-11-30 shop.sql.gz 0 | gzip -d | sqlite3 restored.db
echo "exit ${PIPESTATUS[*]}"
sqlite3 restored.db .dump | cmp - <(sqlite3 shop.db .dump) && echo same
sqlite3 restored.db 'select name from cheap order by name'
