# hagen: `make help` lists what can be made.

SHELL       := /bin/bash
.DEFAULT_GOAL := help

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
BIN         := .bin
LDFLAGS     := -s -w -X main.version=$(VERSION)
BUILD       := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
TOOLS       := $(BIN)/butane $(BIN)/ignition-validate $(BIN)/staticcheck $(BIN)/benchstat $(BIN)/quadlet
FUZZTIME    ?= 1m
# Packages that do things at once, and the scripts in which the binary does.
RACED       := ./cmd/hagen ./gen ./gen/check ./out/outside/served ./out/review/rendered ./out/review/twin ./out/tree ./pki
RACED_TESTS := AtOnce|TestScripts/^(check|diff|first_run|golden|pki_lock_file|redact|sysext|two_at_once)$$

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-zA-Z0-9_-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: packages tools ## install what tests need: Debian packages as root, and the tools

# cloud-init is wanted for its schema: it stays off on this machine.
.PHONY: packages
packages:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  for program in haproxy keepalived systemd-analyze openssl ip mksquashfs mkfs.erofs cloud-init shellcheck curl wget isoinfo blkid cpio debugfs sgdisk sfdisk; do PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	  ls /usr/lib/*/libnm.so.0 >/dev/null 2>&1 || missing="$$missing libnm"; \
	  case "$$missing" in *cloud-init*) mkdir -p /etc/cloud && touch /etc/cloud/cloud-init.disabled;; esac; \
	  [ -z "$$missing" ] || { apt-get -qq update && apt-get -qq -o DPkg::Lock::Timeout=400 install -y --no-install-recommends haproxy keepalived systemd openssl iproute2 libnm0 libreadline8 squashfs-tools erofs-utils cloud-init shellcheck curl wget genisoimage util-linux cpio e2fsprogs gdisk fdisk; }; \
	  $(MAKE) --no-print-directory $(BIN)/networkmanager; \
	else echo "not root on Debian: install haproxy, keepalived, systemd, openssl, cloud-init, squashfs-tools, erofs-utils, shellcheck, genisoimage, cpio, e2fsprogs, gdisk, curl and wget yourself, or their tests are skipped"; fi

# NetworkManager's readers without the daemon: installed, it would take over
# this machine's network.
$(BIN)/networkmanager:
	@mkdir -p $(BIN) && rm -rf $@.new && mkdir $@.new && cd $@.new && \
	  apt-get -qq -o APT::Sandbox::User=root download network-manager && dpkg-deb -x network-manager_*.deb . && rm network-manager_*.deb
	@mv $@.new $@

.PHONY: build
build: $(BIN)/hagen ## build .bin/hagen

# The go command knows best what is out of date.
.PHONY: $(BIN)/hagen
$(BIN)/hagen:
	@$(BUILD) -o $@ ./cmd/hagen

.PHONY: run
run: $(BIN)/hagen ## build, and render the example cluster into ./rendered, checked by Butane
	@mkdir -p run
	@[ -e run/cluster.yaml ] || $(BIN)/hagen init -f run/cluster.yaml
	@$(BIN)/hagen render --prove -f run/cluster.yaml

.PHONY: test
test: ## run the everyday tests; ALL=1 also runs what repeats them with more of the same
	@$(if $(ALL),HAGEN_TESTS=all )go run tools/test/main.go -timeout $(if $(ALL),60m,20m) ./...

.PHONY: race
race: ## run what is done at once with the race detector
	go test -race -timeout 30m -run '$(RACED_TESTS)' $(RACED)

.PHONY: check
check: tools ## formatting, vet, staticcheck, shellcheck, tidy modules, other systems compile
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	go vet ./...
	go -C tools vet ./...
	go -C tools test ./test
	go -C e2e vet ./...
	$(BIN)/staticcheck ./...
	@if command -v shellcheck >/dev/null; then $(MAKE) --no-print-directory shellcheck; \
	elif [ "$$HAGEN_READERS" = required ]; then echo "shellcheck is not installed"; exit 1; \
	else echo "shellcheck is not installed, so nothing has read the scripts: make setup, or the distribution's package"; fi
	go mod tidy -diff
	GOOS=darwin GOARCH=arm64 go vet ./...
	GOOS=freebsd go vet ./...

# Scripts of this repository, with what they source, and those that machines get, as
# they are rendered.
.PHONY: shellcheck
shellcheck:
	shellcheck -x -a -P SCRIPTDIR .ci/run e2e/run tools/flags/classic tools/flags/record tools/fuzz/run
	shellcheck -s sh e2e/qemu/report.sh
	go test ./gen -count 1 -run '^TestShellcheck$$'

.PHONY: golden
golden: ## rewrite the golden files; read the diff before you commit
	go test ./gen -run TestGolden -update
	go test ./gen/control -run "TestFlagsDoc|TestPKIDoc" -update
	go test ./gen/encode -run TestGolden -update
	go test ./out/media -run TestGolden -update
	go test ./out/review/show -run TestGolden -update
	go test ./out/review/plan -timeout 30m -run "TestChangesDoc|TestLines" -update

.PHONY: flags
flags: ## rewrite profiles/flags from the real binaries' --help; takes minutes per release
	tools/flags/record

.PHONY: bench
bench: $(BIN)/hagen tools $(BIN)/cfssl ## measure whole processes against each other; ROUNDS=40 for forty of each
	@go test ./cmd/hagen -run '^$$' -bench '^BenchmarkRatios$$' -benchtime $(or $(ROUNDS),20)x -count 1

.PHONY: benchmarks
benchmarks: $(BIN)/hagen ## run the other benchmarks, for benchstat; COUNT=10 for ten runs
	go test -run '^$$' -bench . -skip '^BenchmarkRatios$$' -benchmem -count $(or $(COUNT),6) ./...

.PHONY: profile
profile: ## say where the processor time of a warm and of a cold render goes; LINES=60 for more
	@mkdir -p run
	@for run in warm cold; do \
	  go test ./cmd/hagen -run '^$$' -bench "^BenchmarkRender/$$run$$" -benchtime 2s -count 1 -o run/hagen.test -cpuprofile run/$$run.prof >/dev/null || exit 1; \
	  echo "run/$$run.prof:"; go tool pprof -top -cum -nodecount $(or $(LINES),40) run/hagen.test run/$$run.prof; \
	done

# cfssl as it is released, which the benchmark starts.
$(BIN)/cfssl: tools/cfssl/go.mod tools/cfssl/go.sum
	@mkdir -p $(BIN)
	cd tools/cfssl && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../../$(BIN)/ github.com/cloudflare/cfssl/cmd/cfssl github.com/cloudflare/cfssl/cmd/cfssljson
	@touch $@

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (1m) within 256 MiB; TARGETS=regexp picks, JOBS=n at a time
	FUZZTIME=$(FUZZTIME) tools/fuzz/run

.PHONY: crash
crash: ## kill hagen render a thousand times at random moments; KILLS=n for another number
	HAGEN_KILLS=$(or $(KILLS),1000) go test ./cmd/hagen -count 1 -timeout 60m -run TestScripts/killed -v

.PHONY: tools
tools: $(TOOLS) ## build the programs that tests call, from tools/go.mod

$(TOOLS) &: tools/go.mod tools/go.sum tools/quadlet/go.mod tools/butane/main.go
	@mkdir -p $(BIN)
	cd tools && go build -trimpath -o ../$(BIN)/butane ./butane
	cd tools && go build -trimpath -o ../$(BIN)/ignition-validate github.com/coreos/ignition/v2/validate
	cd tools && go build -trimpath -o ../$(BIN)/ honnef.co/go/tools/cmd/staticcheck golang.org/x/perf/cmd/benchstat
	cd tools/quadlet && CGO_ENABLED=0 go build -trimpath -o ../../$(BIN)/quadlet github.com/containers/podman/v5/cmd/quadlet
	@touch $(TOOLS)

.PHONY: e2e
e2e: ## boot the rendered cluster with its real parts, as root; RUN=regexp picks, KEEP=1 leaves it up, ALL=1 adds other releases
	e2e/run

.PHONY: e2e-figures
e2e-figures: ## measure failover, median of five, into docs/failover.md
	e2e/run figures

.PHONY: e2e-qemu
e2e-qemu: ## boot machines and their disks in QEMU alone, with Ignition in the initrd
	e2e/run qemu

.PHONY: clean
clean: ## remove what was built here; run/, with the PKI of make run, stays
	rm -rf $(BIN)
