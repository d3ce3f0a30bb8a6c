# Every target runs on Debian 12 with Go and root; the lab installs the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# One set of flags for every build here and in lab/internal/environ: with two,
# the build cache would keep two of everything, and one compile takes minutes.
# The caller's own flags must not change what is built or tested.
override export CGO_ENABLED := 0
override export GOFLAGS := -trimpath -buildvcs=false
override export GOWORK := off
unexport GOOS GOARCH GOEXPERIMENT GODEBUG

LAB := go run -C lab ./cmd/lab
# Where the lab serves its page: lab/internal/cluster, Page.
PAGE := http://127.0.0.1:18080/
EDGE := http://127.0.0.1:18088/
# Packages of the lab whose tests need neither its big dependencies nor a cluster.
LAB_LIGHT := ./cmd/kafka-exporter ./cmd/lab ./cmd/mail ./cmd/operator ./crds/... ./images/... ./internal/builds ./internal/cluster ./internal/debian \
	./internal/deploy ./internal/environ ./internal/host ./internal/paths ./internal/proc ./internal/stamp ./internal/step ./internal/volumes/... ./mail ./page ./traefik ./cmd/page
LAB_TESTS := $(LAB_LIGHT) ./cmd/emulators ./emulators/... ./internal/builds/networkpolicy ./internal/builds/v2
# The Go modules of this repository. The lab's heavy packages are left out of
# vet, tests and staticcheck; the others are checked whole.
MODULES := . sharding services/users lab tests/schema tests/engine tools/images
packages = $(if $(filter lab,$1),$2,./...)
# staticcheck reads every dependency from source; the SDKs of Pulumi alone take
# it minutes, so that packages which import them are left to make lint.
LINT_FAST := ./cmd/... ./internal/... ./policies/... ./stack/summary ./tests/load/... ./tests/upbench
linted = $(if $(filter .,$1),$(LINT_FAST),$(call packages,$1,$(LAB_LIGHT)))

.PHONY: alerts gateway engine engine-python open page-test screenshots images images-check help up build preview status destroy down clean test fmt tidy vet actionlint staticcheck unit schema schema-plugin real fault-runs bench-outbox bench-async bench-cache bench-reshard bench-pace bench-fence kill-test lint golangci prove-reshard prove-reshard-faults drills prove-events prove-adopt drill-failover prove-rotation prove-cache prove-alerts prove-previews prove-scaling prove-gateway e2e capacity hit-ratio zone-ratio verify-origin purge prove-tls drill-backup real-backup bench-scale bench-up bench-fanout bench-connections bench-quorum bench-backup real-pooler node drill-node drill-major drill-disk drill-hour

help:        ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

UP := $(LAB) up $(if $(NODES),--nodes $(NODES))

up:          ## NODES=1: build what is missing, start the lab, deploy stack dev into it
	@$(UP)
build:       ## build what is missing, start nothing
	@$(LAB) build
preview:     ## show what pulumi up would change
	@$(LAB) preview
open:        ## the lab's page: users, moves, requests, events and pods, live
	@echo $(PAGE); command -v xdg-open >/dev/null && xdg-open $(PAGE) || true
gateway:     ## start a gateway in the running lab: Traefik, with the Gateway API
	@$(LAB) gateway
node:        ## NODE=lab-2 DO=off|freeze|thaw|cut|on: break a node of a lab with several, and mend it
	@$(LAB) node $(NODE) $(DO)
status:      ## processes, pods, autoscalers and volumes of the lab
	@$(LAB) status
destroy:     ## remove the stack's resources; the volumes stay
	@$(LAB) destroy
down:        ## stop the lab; data stays in .lab/
	@$(LAB) down
clean:       ## stop the lab and delete .lab/ with all its data
	@$(LAB) clean

test: fmt tidy vet actionlint staticcheck unit schema ## all checks that need no cluster

fmt:         ## fail on files that gofmt would change
	@files=$$(git ls-files '*.go'); test -n "$$files" || { echo "git lists no Go file here"; exit 1; }; \
	out=$$(gofmt -l $$files); test -z "$$out" || { echo "run gofmt -w on:"; echo "$$out"; exit 1; }

tidy:        ## fail where go.mod or go.sum is not what go mod tidy makes
	@$(foreach m,$(MODULES),go mod tidy -C $m -diff || { echo "run go mod tidy in $m" >&2; exit 1; };)

vet:         ## go vet
	$(foreach m,$(filter-out tests/engine,$(MODULES)),go vet -C $m $(call packages,$m,$(LAB_TESTS)) &&) true
	go vet -tags e2e ./tests/e2e

staticcheck: ## staticcheck on the packages without an SDK
	$(foreach m,$(filter-out tests/%,$(MODULES)),go tool -C $m -modfile=$(CURDIR)/tools/go.mod staticcheck $(call linted,$m) &&) true

actionlint:  ## check the CI's workflows
	go tool -modfile=tools/go.mod actionlint

# As in the shell of somebody who works on another cluster: a test that reads
# the caller's environment has to fail for everybody.
unit: export KUBECONFIG := /no/such/kubeconfig
unit: export PULUMI_CONFIG := {"scalestack:namespace":"other"}
unit: export PULUMI_DRY_RUN := true
unit: export PULUMI_K8S_DELETE_UNREACHABLE := true
unit: export CLOUDFLARE_RETRIES := 9
unit: export SCALESTACK_LOG_LEVEL := other
unit: export OTEL_TRACES_SAMPLER := other
unit:        ## unit, property and whole-stack tests
	$(foreach m,$(filter-out tests/schema tests/engine,$(MODULES)),go test -C $m -timeout 30m $(call packages,$m,$(LAB_TESTS)) &&) true

engine:      ## the components in Pulumi's own engine; compiles it, as make build does
	go test -C tests/engine -count=1 ./...

schema-plugin: ## write the schema of the components for other languages, after a change of their Args
	go test ./components/plugin -run TestSchemaIsCurrent -update

engine-python: ## the example in Python in Pulumi's engine; installs Pulumi's package for Python with pip
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; python3 -m venv "$$dir"; \
		"$$dir/bin/pip" install --quiet --requirement examples/python-components/requirements.txt parver; \
		SCALESTACK_TEST_PULUMI_PYTHON=$$dir/bin/python go test -C tests/engine -count=1 -run TestAProgramInPython .

schema:      ## every object against the schemas of Kubernetes 1.29 and the newest
	go test -C tests/schema ./...

real:        ## tests against real PostgreSQL, Redis and Kafka servers of their own; after make build
	@tests/with-servers.sh bash -euc 'for m in sharding services/users; do go test -C $$m -count=1 -timeout 40m ./...; done; \
		go test -count=1 -timeout 20m ./components/postgres/... ./components/redis'
	@tests/with-servers.sh go test -C lab -count=1 -run 'TestNode|TestRealKafka' ./images ./emulators/kafkaexporter
real-backup: ## backups and restores against a real S3 server, which it compiles, and barman-cloud; after make build
	@tests/with-servers.sh tests/with-backup.sh go test -count=1 -timeout 90m ./components/postgres
real-pooler: ## the router's tests, and moves under load, with all of the service's connections through a real PgBouncer; after make build
	@tests/with-pooler.sh tests/with-servers.sh bash -euc 'go test -C sharding -count=1 -run "Pooler|ClientsShare|AHoldEnds" ./router; \
		export SCALESTACK_TEST_THROUGH=pooler; go test -C sharding -count=1 -timeout 20m ./router; \
		go test -C sharding -count=1 -timeout 20m -run "TestGrowAndShrinkUnderLoad|TestFanOutWhileBucketsMove|TestTakeBackFromEveryState" ./reshard'
fault-runs:  ## RUNS=300 SEED=…: kill movers and servers while buckets move, count what passed; hours; after make build
	@tests/with-servers.sh nice -n 15 tests/fault-runs.sh
# Debian's package has promtool; nothing of it is installed.
alerts:      ## alerts and dashboards, checked and tested with promtool
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; cd "$$dir"; chmod 755 .; \
		apt-get -qq download prometheus 2>/dev/null || { apt-get -qq update && apt-get -qq download prometheus; }; dpkg-deb --extract prometheus_*.deb .; \
		cd $(CURDIR); SCALESTACK_TEST_PROMTOOL=$$dir/usr/bin/promtool go test -count=1 ./internal/alerts ./internal/dashboards
bench-reshard: ## speed and write pause of moves beside a raw COPY; after make build
	@SCALESTACK_TEST_FSYNC=on SCALESTACK_MEASURE_USERS=200000 tests/with-servers.sh go test -C sharding -count=1 -timeout 30m -run 'TestMeasure$$|TestMeasureMovesAtOnce' -v ./reshard
bench-pace:  ## what users feel of moves that follow the load, beside moves that do not; 2 to 4 minutes; after make build
	@SERVER_CPU=0 SCALESTACK_TEST_FSYNC=on SCALESTACK_MEASURE_PACE=80000 tests/with-servers.sh \
		taskset -c 1 go test -C sharding -count=1 -timeout 10m -run TestMeasurePace -v ./reshard
bench-fence: ## single statements with the fence and without, questions to all shards; after make build
	@SERVER_CPU=0 SCALESTACK_TEST_FSYNC=on SCALESTACK_MEASURE_FENCE=2000 tests/with-servers.sh \
		taskset -c 1 go test -C sharding -count=1 -timeout 30m -run TestMeasureFence -v ./reshard
bench-fanout: ## SHARDS="4 64 256": questions to all shards beside the slowest of them alone, with a slow, a dead and a silent one; after make build
	@SCALESTACK_MEASURE_FANOUT="$(or $(SHARDS),4 64 256)" tests/with-servers.sh go test -C sharding -count=1 -timeout 60m -run TestMeasureFanOut -v ./router
bench-connections: ## CLIENTS="50 200 800": what connections cost, and many clients direct and through PgBouncer; after make build
	@SCALESTACK_MEASURE_CONNECTIONS="$(or $(CLIENTS),50 200 800)" tests/with-pooler.sh tests/with-servers.sh \
		go test -C sharding -count=1 -timeout 60m -run TestMeasureConnections -v ./router
# The servers have one CPU and the service another: where both have both, a
# round's figures depend on where the kernel happens to put them.
bench-cache: ## hits, misses, load and stampedes beside bare Redis and PostgreSQL; after make build
	@SERVER_CPU=0 SCALESTACK_TEST_FSYNC=on SCALESTACK_MEASURE_OPERATIONS=5000 tests/with-servers.sh \
		taskset -c 1 go test -C services/users -count=1 -timeout 30m -run 'TestCache|TestQueries|TestStampede' -v ./internal/bench
bench-outbox: ## OUTBOX=40000: one event behind a held snapshot, with one outbox table and with two; after make build
	@SCALESTACK_MEASURE_OUTBOX=$(or $(OUTBOX),40000) tests/with-servers.sh \
		go test -C services/users -count=1 -timeout 60m -run TestMeasureHeldSnapshot -v ./internal/relay
bench-async: ## a registration by events beside one that waits for mail and counts; after make build
	@SERVER_CPU=0 SCALESTACK_TEST_FSYNC=on SCALESTACK_MEASURE_OPERATIONS=100 tests/with-servers.sh \
		taskset -c 1 go test -C services/users -count=1 -timeout 30m -run TestRegistration -v ./internal/bench
# Checksums as the component's initdb makes them.
bench-quorum: ## registrations on a single server beside those that a standby acknowledges too, of one and of two; after make build
	@SERVER_CPU=0 SCALESTACK_TEST_INITDB=--data-checksums SCALESTACK_MEASURE_OPERATIONS=1000 tests/with-servers.sh \
		taskset -c 1 go test -C services/users -count=1 -timeout 60m -run 'TestCommit$$' -v ./internal/bench
bench-backup: ## MIB="8 1024" COMPRESSION="wal all": base backups beside pg_basebackup piped into the same bucket; after make build
	@SCALESTACK_MEASURE_BACKUP="$(or $(MIB),8 1024)" SCALESTACK_MEASURE_COMPRESSION="$(or $(COMPRESSION),wal)" tests/with-servers.sh tests/with-backup.sh \
		go test -count=1 -timeout 120m -run TestMeasureBackup -v ./components/postgres
# Not in make test: a browser is a large package, and chromedp minutes of compiling.
page-test:   ## the lab's page in Chromium, which has to be installed
	go test -C lab -tags browser -count=1 ./page
screenshots: ## pictures of the running lab and of its service for docs/
	@mkdir -p docs/images
	SCALESTACK_PAGE=$(PAGE) SCALESTACK_SERVICE=$(EDGE) SCALESTACK_SCREENSHOTS=$(CURDIR)/docs/images go test -C lab -tags browser -count=1 -run "TestScreenshots|TestServicePage" ./page
kill-test:   ## kill make up at random moments; deletes the lab's data
	@lab/kill-test.sh

images:      ## REGISTRY=… [STACK="staging prod"]: push users and shardctl for amd64 and arm64, write their digests into the stacks' files
	@go run -C tools/images . --registry "$(REGISTRY)" $(foreach s,$(STACK),--file "$(CURDIR)/Pulumi.$s.yaml")
images-check: ## the same into a registry in the test's process; minutes when cold
	SCALESTACK_TEST_IMAGES=1 go test -C tools/images -count=1 -timeout 60m -v -run TestTheRealImages .

RULES ?= components/cdn/testdata/edge
EDGE := go run ./cmd/edge
hit-ratio:   ## LOG=access.log.gz [PLOT=out.svg]: what the edge would have answered; without LOG to a generated one of MIX="--robots 0 …"
	@$(if $(LOG),,$(EDGE) generate-log $(MIX) |) $(EDGE) hit-ratio --rules $(RULES) \
		--log $(if $(LOG),$(LOG),- --warm-up 6h) $(if $(PLOT),--plot $(PLOT))
zone-ratio:  ## ARGS="--zone … --path '/static/*' --goal 85": what Cloudflare's edge answered from the cache on a real zone
	@$(EDGE) zone-ratio $(ARGS)
verify-origin: ## ORIGIN=http://… PATHS=/static/a.js,…: which paths the edge cannot cache, and why
	@$(EDGE) verify-origin --rules $(RULES) --origin $(ORIGIN) --paths $(PATHS)

capacity:    ## ARGS="--users 250000000 --input mine.json": what numbers of users take, and what breaks first
	@go run ./cmd/capacity $(ARGS)

purge:       ## ARGS="--zone … --before … --after …": purge what a release changed
	@go run ./cmd/purge $(ARGS)

lint:        ## staticcheck on the whole root module; minutes when cold
	go tool -modfile=tools/go.mod staticcheck -tags e2e ./...

# Compiled on its own, pinned by version and the checksum database: its modules
# would decide the versions of every other tool.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
golangci:    ## golangci-lint on the packages without an SDK; many minutes when cold
	$(GOLANGCI) run $(LINT_FAST) ./tests/ci/...
	cd lab && $(GOLANGCI) run $(LAB_LIGHT)

# Proofs on the lab's stack; docs/proofs.md says what they showed.
PROVE := . .lab/env && go test -tags e2e -count=1 -timeout 6h -v ./tests/e2e -run
drills:      ## DRILLS="failover restore …" or all: drills one after the other, what they measured; docs/drills.md; deletes the lab's data
	@tests/drills.sh $(DRILLS)
prove-reshard: export USERS ?= 1000000
prove-reshard: export RATE ?= 300
prove-reshard: export BATCH ?= 32
prove-reshard: export OBSERVE ?= 5
prove-reshard: ## USERS=1000000: change the number of shards under load, compare every user
	@$(UP)
	$(PROVE) TestReshardUnderLoad
prove-reshard-faults: export RUNS ?= 20
prove-reshard-faults: export OBSERVE ?= 3
prove-reshard-faults: ## RUNS=20 SEED=…: kill mover, shards and app while users move
	@$(UP)
	$(PROVE) TestReshardSurvivesKills
drill-failover: export DRILL := failover
drill-failover: export PARTS ?= join faults change alerts return anew
drill-failover: ## MEMBERS=3 ROUNDS=1 FAULTS=20 PARTS="join faults change minor grow alerts return anew": a stack of its own gets standbys, loses its primary in every way under load, is destroyed and comes back, with its volumes and without; minor: a later minor version of PostgreSQL and back, with MEMBERS=1 too; upgrade: from the program of commit FROM
	@$(LAB) start --patroni $(if $(filter minor,$(PARTS)),--next-minor)
	$(PROVE) TestFailover
drill-node: export DRILL := node
drill-node: export PARTS ?= vanish freeze cut drain deploy lost users
drill-node: ## PARTS="vanish … random" FAULTS=20 SEED=…: a stack of its own on three nodes, of which one dies in every way under load; zone, with NODES=5: all of a zone at once; the lab's data must be new or of so many nodes
	@$(LAB) start --patroni --nodes $(or $(NODES),3)
	$(PROVE) 'TestNode$$'
drill-major: export DRILL := major
drill-major: ## a stack of its own gets shards with the next version of PostgreSQL under load, goes back, does it again, and lets the old shards go
	@$(LAB) start --next-postgres
	$(PROVE) TestMajorUpgrade
drill-disk: export DRILL := disk
drill-disk: export PARTS ?= fills full
drill-disk:  ## MEMBERS=1 PARTS="fills full": a stack of its own whose shard has a disk of 1 GiB fills it, grows it under load, and fills it to the last byte
	@$(LAB) start --patroni
	$(PROVE) 'TestDisk$$'
drill-hour: export DRILL := hour
drill-hour:  ## the alerts that look at an hour: a transaction that stays open, a move that is stuck by it, a cache that answers less; an hour and a half
	@$(LAB) start
	$(PROVE) TestAlertsOfAnHour
prove-tls: export DRILL := tls
prove-tls: export PARTS ?= move rotate
prove-tls: ## PARTS="move rotate": a stack of its own gets TLS under load, moves a bucket, gets another certificate and authority; redis: the cache too; members: standbys; expires: its alert; all, after redis and members: every server's certificate at once; 12 minutes
	@$(LAB) start --patroni
	$(PROVE) 'TestTLS$$'
drill-backup: export DRILL := backup
drill-backup: export PARTS ?= single
drill-backup: ## PARTS=single: a stack of its own archives to a real S3 server, loses a table and then its volume, and gets both back; members: the same with three members; alert: the bucket is away for a quarter of an hour too; shards, alone: one of two shards, both, and a clone
	@$(LAB) start --patroni --s3
	$(PROVE) 'TestBackupAndRestore|TestRestoreOfSeveralShards'
prove-events: export USERS ?= 100000
prove-events: export RATE ?= 250
prove-events: export KILLS ?= 28
prove-events: export EVERY ?= 8
prove-events: export OUTAGE ?= 120
prove-events: ## USERS=100000 SEED=…: registrations while everything is killed and the broker is away
	@$(UP)
	$(PROVE) TestEventsFollowEveryRegistration

prove-rotation: export ROTATE := 1
prove-rotation: ## a stack of its own gets new passwords for its shards and its cache under load, twice; PARTS=members: three members each
	@$(LAB) start --patroni
	$(PROVE) TestPasswordsRotateUnderLoad

prove-cache: export CACHE := 1
prove-cache: ## a stack of its own gets two more servers of the cache under load, and gives them back
	@$(LAB) start
	$(PROVE) TestCacheChangesItsServers

prove-adopt: export ADOPT := 1
prove-adopt: ## lose the state, adopt the running product into an empty one, change it
	@$(UP)
	$(PROVE) TestAdoptsIntoAnEmptyState

prove-previews: export PREVIEWS := 1
prove-previews: ## an environment of a pull request beside stack dev: made, used, destroyed
	@$(UP)
	$(PROVE) TestPreviewEnvironment

prove-alerts: export HOLD := 1
prove-alerts: ## break twelve parts, and see sixteen alerts hold as long as their rules ask and clear; 20 minutes
	@$(UP)
	$(PROVE) TestAlertsFireAndClear

prove-scaling: export SCALING := 1
prove-scaling: ## scale on full pools, requests and queries, with Prometheus gone, to zero, and change between the two autoscalers; 15 minutes
	@$(UP)
	$(PROVE) 'TestConnectionsAndADeadSource|TestAConsumerSleeps|TestRequestsAndQueries'

bench-scale: export SCALE := 1
bench-scale: export SHARDS ?= 4 16 64 256
bench-scale: ## SHARDS="4 16 64 256" POLICIES=1: previews of ever more shards beside as many ConfigMaps
	@$(LAB) start
	$(PROVE) TestPreviewsAtScale

bench-up: export UP_AT_SCALE := 1
bench-up: export SHARDS ?= 4 16 64 256
bench-up: export ROLLOUT ?= Serial
bench-up: export WITH ?=
bench-up:    ## SHARDS="4 16 64 256" ROLLOUT=Serial WITH="PULUMI_PARALLEL=64 …": pulumi up of ever more shards on KWOK's nodes, where nothing runs, beside kubectl apply of the same objects; needs no running lab
	@$(LAB) build --kwok
	$(PROVE) TestUpAtScale

prove-gateway: export GATEWAY := 1
prove-gateway: ## the app at its own Gateway and at somebody else's; 5 minutes
	@$(UP)
	$(PROVE) 'TestTheAppIsServedByAGateway|TestAnothersGateway'

e2e:         ## make up, then the tests with real servers and against the lab
	@$(UP)
	@$(MAKE) --no-print-directory real engine alerts
	. .lab/env && go test -tags e2e -count=1 -timeout 60m -v ./tests/e2e
