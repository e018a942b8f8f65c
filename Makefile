# The commands of this project. `make demo` and `make test` are the two that a newcomer needs.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
TOOLS = s3put s3get s3ls s3prune s3rate s3seal s3chunk
RECIPES = s3dump s3probe s3napback s3backuptool s3backup s3drill btrfs-send-to-s3
PURE = s3rate s3seal s3chunk
PAGES1 = $(wildcard man/*.1)
PAGES5 = $(wildcard man/*.5)
PAGES7 = $(wildcard man/*.7)

.PHONY: all demo test check bench install

all:
	cargo build --locked --release $(TOOLS:%=-p %)

# Back up, list, restore and compare a directory: no server, no credentials.
demo:
	cargo build --locked $(TOOLS:%=-p %)
	PATH="$(CARGO_TARGET_DIR)/debug:$$PATH" bash recipes/demo

# Installs what the tests need (apt-get), then runs them all.
test:
	tests/install
	cargo test --locked --workspace

# What a reviewer looks at first.
check:
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	for tool in $(PURE); do cargo check --locked -p $$tool || exit 1; done
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	mandoc -Tlint -W warning man/*.[157]
	shellcheck recipes/* tests/install tests/servers/* bench/install
	if command -v cargo-deny >/dev/null; then cargo deny --locked check bans licenses sources; else echo "SKIPPED: cargo deny is not installed"; fi

# Side by side with what people use today.
bench:
	bench/run

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7
	install $(TOOLS:%=$(CARGO_TARGET_DIR)/release/%) $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(RECIPES:%=recipes/%) $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/s3pipes
	install -m 644 recipes/*.sh $(DESTDIR)$(PREFIX)/share/s3pipes
	install -m 644 $(PAGES1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(PAGES5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(PAGES7) $(DESTDIR)$(PREFIX)/share/man/man7
