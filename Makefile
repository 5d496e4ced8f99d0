# `make run` installs what is missing and starts tcctui; `make help` lists the rest.
# Only single commands ask for root, through sudo, and none of them when it has nothing to do.

# The system's Python, not the PATH's (pyenv, conda …): the distribution's bcc is made for this one.
PYTHON := /usr/bin/python3
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
# sudo forgets the environment, hence env. What runs as root leaves no __pycache__ of root's here:
# the owner compiles what has changed, as otherwise each start would compile every module again.
AS_ROOT := $(SUDO) env PYTHONDONTWRITEBYTECODE=1 TCCTUI_NO_SKIP=$(TCCTUI_NO_SKIP)
# What tests start is root's own: with SUDO_UID it would become the caller, who can't reach their files.
AS_ROOT_ITSELF := $(subst env ,env -u SUDO_UID ,$(AS_ROOT))
# Under `sudo make` the checkout's owner still does what needs no root, and owns what that leaves.
AS_OWNER := $(if $(SUDO),,$(patsubst %,sudo -H -u %,$(filter $(SUDO_USER),$(shell stat -c %U .))))
VENV := $(AS_OWNER) .venv/bin
# Nothing of the working directory or of PYTHON* is imported; what is downloaded has the lock's hashes.
unexport PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX
PIP := python -I -m pip
LOCKED := --require-hashes --requirement requirements.txt
# Each stamp says what .venv has, and for which Python: after a distribution upgrade it is made anew.
RUN_STAMP = .venv/.run-$(notdir $(realpath $(PYTHON)))
DEV_STAMP = .venv/.dev-$(notdir $(realpath $(PYTHON)))
BYTECODE_STAMP = .venv/.bytecode-$(notdir $(realpath $(PYTHON)))

# Who calls sudo, or root itself: what root runs of this checkout nobody else may be able to change.
USER_ID := $(filter-out 0,$(shell id -u))
CALLER := $(or $(USER_ID),$(SUDO_UID),0)
CALLER_GROUP := $(if $(USER_ID),$(shell id -g),$(or $(SUDO_GID),0))
OTHERS_CHANGE = \( ! -user 0 ! -user $(CALLER) -o ! -type l \( -perm -2 -o -perm -20 ! -group 0 ! -group $(CALLER_GROUP) \) \)
ABOVE = $$(dir=$$(pwd -P); until test "$$dir" = /; do dir=$$(dirname "$$dir"); echo "$$dir"; done)

PREFIX := /opt/tcctui
COMMAND := /usr/local/bin/tcctui
# Where the manual page goes, and what bash, zsh and fish complete, each by the names it looks for.
MANUAL := /usr/local/share/man/man1/tcctui.1
COMPLETIONS := $(addprefix /usr/local/share/,bash-completion/completions/tcctui zsh/site-functions/_tcctui \
	fish/vendor_completions.d/tcctui.fish)

# A user's PATH may lack the folder of nft and bpftool.
export PATH := $(PATH):/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Of `make fuzz` and `make soak`.
COUNT := 1000000
HOURS := 1
SEED := 1

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 15

run: unchanged-by-others $(RUN_STAMP) $(BYTECODE_STAMP) ## start the dashboard; arguments go in ARGS="--port 443"
	@$(AS_ROOT) .venv/bin/python -IB .venv/bin/tcctui $(ARGS)

install: unchanged-by-others $(RUN_STAMP) ## install for `sudo tcctui`, into /opt/tcctui and /usr/local/bin
	@umask 022; wheels=$$($(AS_OWNER) mktemp -d) && trap 'rm -rf "$$wheels"' EXIT && \
	$(VENV)/$(PIP) wheel --quiet --wheel-dir "$$wheels" $(LOCKED) && \
	$(VENV)/$(PIP) wheel --quiet --wheel-dir "$$wheels" --no-deps --no-build-isolation . && \
	$(SUDO) $(PYTHON) -I -m venv --clear $(PREFIX) && \
	$(SUDO) $(PREFIX)/bin/$(PIP) install --quiet --no-index --find-links "$$wheels" 'tcctui[record]'
	@$(SUDO) sed -i '1s/$$/ -I/' $(PREFIX)/bin/tcctui
	@$(SUDO) ln -sf $(PREFIX)/bin/tcctui $(COMMAND)
	@$(PREFIX)/bin/python -I -m tcctui.manual | $(SUDO) install -Dm644 /dev/stdin $(MANUAL)
	@set bash zsh fish; for file in $(COMPLETIONS); do \
		$(PREFIX)/bin/python -I $(PREFIX)/bin/register-python-argcomplete --shell $$1 tcctui | \
		$(SUDO) install -Dm644 /dev/stdin $$file || exit; shift; done
	@echo 'Installed. Start it with: sudo tcctui; there is also: man tcctui'

uninstall: ## remove what `make install` put there, and the cache
	$(SUDO) rm -rf $(PREFIX) $(COMMAND) /var/cache/tcctui $(MANUAL) $(COMPLETIONS)

venv: $(DEV_STAMP) $(BYTECODE_STAMP) ## prepare .venv for working on tcctui

# In three processes, as most tests wait: those of the kernel in one, as they share it.
# The kernel tests need root: pytest gets it where sudo asks nothing, otherwise they skip and say why.
test: FREE_ROOT = $(if $(SUDO),$(shell sudo -n true 2>/dev/null && echo '$(AS_ROOT_ITSELF)'),$(AS_ROOT_ITSELF))
test: venv deps-test ## every check and test
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports
	clang-format --dry-run -Werror bpf/tcc.c
	$(FREE_ROOT) .venv/bin/python -m pytest -p no:cacheprovider -n 3 --dist loadgroup \
		tests/unit tests/ui tests/kernel; status=$$?; \
	$(FREE_ROOT) chown -Rf --reference=Makefile .hypothesis; exit $$status

test-kernels: venv deps-kernels ## the kernel tests on Linux 5.10, 6.1 and 6.12, under qemu
	$(AS_ROOT_ITSELF) TCCTUI_KERNELS_CACHE=$(TCCTUI_KERNELS_CACHE) .venv/bin/python -m pytest -p no:cacheprovider tests/kernels

bench: venv deps-test deps-bench ## measure speed and overhead; only some: BENCHES="startup idle"
	$(AS_ROOT_ITSELF) .venv/bin/python -m tests.bench $(BENCHES)

# Coverage guides the last, where atheris has a wheel for this Python.
fuzz: venv ## read hostile input, recordings and imports: COUNT=1000000 SEED=1
	$(VENV)/python -m tests.fuzz terminal $(COUNT) $(SEED)
	$(VENV)/python -m tests.fuzz recordings $(COUNT) $(SEED)
	$(VENV)/python -m tests.fuzz imports $(COUNT) $(SEED)
	$(VENV)/python -m pip install --quiet --editable '.[fuzz]' && \
		$(VENV)/python -m tests.fuzz guided_recordings $(COUNT) $(SEED)

soak: venv deps-test ## run the dashboard under everything at once, then reconcile counts: HOURS=1 SEED=1
	$(AS_ROOT_ITSELF) .venv/bin/python -m tests.soak $(HOURS) $(SEED)

demo-recording: venv deps-test ## make the recording of `tcctui demo` anew, of real traffic
	$(AS_ROOT_ITSELF) .venv/bin/python -m tests.demo

fleet-demo: venv deps-test ## a fleet of 20 hosts in namespaces of this machine, in its dashboard; pictures: ARGS=--pictures
	$(AS_ROOT_ITSELF) .venv/bin/python -m tests.fleet_demo $(ARGS)

screenshots: venv ## make the README's pictures anew, of the demo's recording
	$(VENV)/python -m tests.screenshots

clean: ## remove .venv and all caches
	rm -rf .venv .hypothesis .*_cache dist snapshot_report.html
	find . -name __pycache__ -prune -exec rm -r {} +

# editables is what hatchling asks for when it builds an editable install.
lock: venv ## choose the newest versions that pyproject.toml allows, into requirements.txt
	$(VENV)/$(PIP) install --quiet uv
	{ sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml; echo editables; } | $(VENV)/uv pip compile --quiet --upgrade --universal \
		--python-version 3.10 --generate-hashes --no-header --extra record --output-file requirements.txt pyproject.toml -

unchanged-by-others:
	@found=$$(find . -path ./.git -prune -o $(OTHERS_CHANGE) -print -quit; \
	find $(ABOVE) -maxdepth 0 ! -perm -1000 $(OTHERS_CHANGE)); \
	test -z "$$found" || { \
	echo "Root runs nothing of this checkout, as others than its caller can change:" $$found; \
	echo 'Clone it into a directory of your own, or run: chmod -R go-w .'; exit 1; }

$(RUN_STAMP): EXTRA :=
$(DEV_STAMP): EXTRA := [dev]
$(RUN_STAMP) $(DEV_STAMP): pyproject.toml requirements.txt | deps
	$(AS_OWNER) $(PYTHON) -I -m venv .venv
	$(VENV)/$(PIP) install --quiet $(LOCKED)
	$(VENV)/$(PIP) install --quiet --no-build-isolation $(if $(EXTRA),,--no-deps) --editable '.$(EXTRA)'
	@$(AS_OWNER) touch $(RUN_STAMP) $@

$(BYTECODE_STAMP): $(shell find tcctui -name '*.py')
	@$(AS_OWNER) sh -c 'test ! -O . || .venv/bin/python -I -m compileall -q tcctui'
	@$(AS_OWNER) touch $@

# What the distribution must give. bcc is one: PyPI's `bcc` is something else altogether.
deps:
	@$(PYTHON) -I -c 'import ensurepip; from bcc import BPF' 2>/dev/null || $(call distribution,PACKAGES)

deps-test: ## install the tools that tests call
	@( for tool in bpftool bpftrace clang-format fish groff ip iperf3 nft openssl rsvg-convert ss tc tmux zsh; do \
		command -v $$tool >/dev/null || exit; done ) || $(call distribution,TEST_PACKAGES)

deps-bench: ## install the tools that tcctui is measured beside
	@( for tool in btop cc htop perf tcpdump trace-cmd; do \
		command -v $$tool >/dev/null || exit; done ) || $(call distribution,BENCH_PACKAGES)

deps-kernels: ## install the tools that boot other kernels
	@( for tool in apt-get cpio debootstrap dpkg-deb qemu-system-x86_64; do \
		command -v $$tool >/dev/null || exit; done; \
		test -e /usr/share/keyrings/debian-archive-keyring.gpg ) || $(call distribution,KERNELS_PACKAGES)

PACKAGES_apt-get := python3-bpfcc python3-venv
TEST_PACKAGES_apt-get := bpftool bpftrace clang-format fish groff-base iperf3 iproute2 librsvg2-bin nftables openssl tmux zsh
BENCH_PACKAGES_apt-get := btop gcc htop libc6-dev linux-perf tcpdump trace-cmd
KERNELS_PACKAGES_apt-get := cpio debian-archive-keyring debootstrap qemu-system-x86
INSTALL_apt-get := apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends

PACKAGES_dnf := python3-bcc
TEST_PACKAGES_dnf := bpftool bpftrace clang-tools-extra fish groff-base iperf3 iproute iproute-tc librsvg2-tools nftables openssl tmux zsh
BENCH_PACKAGES_dnf := btop gcc htop perf tcpdump trace-cmd
INSTALL_dnf := dnf install -y

PACKAGES_zypper := python3-bcc
TEST_PACKAGES_zypper := bpftool bpftrace clang-tools fish groff iperf iproute2 nftables openssl rsvg-convert tmux zsh
BENCH_PACKAGES_zypper := btop gcc htop perf tcpdump trace-cmd
INSTALL_zypper := zypper --non-interactive install

PACKAGES_pacman := python-bcc
TEST_PACKAGES_pacman := bpf bpftrace clang fish groff iperf3 iproute2 librsvg nftables openssl tmux zsh
BENCH_PACKAGES_pacman := btop gcc htop perf tcpdump trace-cmd
INSTALL_pacman := pacman -S --needed --noconfirm

PACKAGER := $(notdir $(firstword $(wildcard $(addprefix /usr/bin/,apt-get dnf zypper pacman))))
distribution = { \
	echo 'Needed from the distribution, by Debian names: $($1_apt-get)'; \
	$(if $(PACKAGER),$(SUDO) sh -c '$(INSTALL_$(PACKAGER)) $($1_$(PACKAGER))',exit 1); }

.NOTPARALLEL:
.PHONY: help run install uninstall lock unchanged-by-others venv test test-kernels bench fuzz soak demo-recording fleet-demo screenshots clean deps deps-test deps-bench deps-kernels
