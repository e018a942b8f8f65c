# needs: faketime
# A configuration of the kind that has always been written: cycles, targets on a line and as blocks, remarks, tabs, either
# spelling of a name; and a block that is closed by another one's name, as in the example of the first s3napback.

. "$CASES/lib.sh"
. "$CASES/s3napback/lib.sh"
s3put -q --make-bucket
here=$PWD
plan() { s3napback "$@" 2>&1 | sed "s,$here/state,DIFFDIR,g"; }
svnadmin() { :; }
mkdir -p svn/{calc,paint}/db
touch svn/{calc,paint}/format
cat >conf <<END
# a remark is one line \\
	DiffDir $PWD/state
	Bucket $S3_BUCKET
	GpgRecipient backup@example.org
	S3KeyFile /root/key.txt
	ChunkSize 2500000
	Host ember

	NotifyEmail root@example.org      # a remark
	LogFile $PWD/log
	LogLevel 2

	# a full dump a week \\
	<Cycle>
		Frequency 1
		Diffs 7
		Fulls 2

		Directory /etc
		Directory /home/trac
	</Cycle>
	<Cycle weekly>
		Directory /boot
		Directory /opt
		Exclude "lost and found" *.o
		Frequency 7
		Diffs 4
		Fulls 2
		<Directory "/srv/two words">
			Exclude "/srv/two words/cache"
			Fulls 3
		</Directory>
	</Cycle>

	<Directory /home/foobar>
		Frequency 1
		Diffs 7
		Fulls 8
	</Directory>
	Directory /usr/local/ 2 3 4
	MySQL shop 1 0 30
	<MySQL all>
		Frequency 1
		Fulls 14
	</MySQL>
	PostgreSQL backup@ledger 1 0 7
	<SubversionDir $PWD/svn>
	 	Frequency 1
		Fulls 10
	</SubversionDir>
	<Subversion $PWD/svn/paint>
	 	Frequency 1
		Fulls 20
	</SubversionDir>
END
now 'the plan'
plan -t -c conf | sed "s,$PWD,SCRATCH/desk,g"
now 'nothing was done'
keys
ls state; ls log 2>&1
now 'through standard input'
plan -t <conf 2>&1 | sed "s,$PWD,SCRATCH/desk,g" | grep -v '^ \|warning' | head -n 2
now 'some of it'
for name in /boot weekly MySQL/all mysql/shop shop /usr/local; do
    echo "$name: $(plan -t -c conf "$name" | grep -v '^ \|warning' | cut -d: -f1 | tr '\n' ' ')"
done
s3napback -t -c conf /nowhere 2>&1 | tail -n 2
echo "exit ${PIPESTATUS[0]}"
now 'names are configurations, too'
mkdir etc
sed 's/weekly/other/' conf >etc/web.conf
export S3NAPBACK_DIR=$PWD/etc
plan -t web other | grep -v '^ \|warning' | cut -d: -f1
now 'with no name and no option it is the one called s3napback'
mv etc/web.conf etc/s3napback.conf
plan -t other | grep -v '^ \|warning' | cut -d: -f1
