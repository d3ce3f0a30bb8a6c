package postgres

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// restPort is where Patroni tells its state: to the kubelet, and to the other
	// members when they choose a new primary.
	restPort = 8008
	restRole = "patroni"

	// replicatorRole is that of the members at each other, see replicator.py.
	replicatorRole = "scalestack_replicator"

	patroniPath = "/etc/patroni"

	roleLabel = "scalestack/role"
	// memberLabel tells the pods of a shard's StatefulSets apart.
	memberLabel = "app.kubernetes.io/component"

	// lockSeconds is how long a primary keeps its lock without renewing it: the least
	// that Patroni accepts. A primary that vanished costs these and the time to promote.
	lockSeconds  = 20
	loopSeconds  = 1
	retrySeconds = 3
	// crashSeconds is how long a crashed primary may replay its log before a standby
	// takes over.
	crashSeconds = 30
	// lagBytes is how far behind a standby may be that takes over from a primary that
	// waited for none.
	lagBytes = 1 << 20
)

//go:embed prepare.sh
var prepareScript string

//go:embed prepare.py
var prepareProgram string

//go:embed apiserver.py
var apiServerProgram string

//go:embed members.py
var membersProgram string

//go:embed datadir.py
var dataDirProgram string

//go:embed rest.py
var restProgram string

//go:embed crashed.py
var crashedProgram string

//go:embed reload.py
var reloadProgram string

//go:embed replicator.py
var replicatorProgram string

//go:embed restart.py
var restartProgram string

//go:embed limit.py
var limitProgram string

//go:embed roles.sh
var rolesScript string

//go:embed passwords.sh
var passwordsScript string

//go:embed paused.py
var pausedProgram string

//go:embed patroni_check.sh
var patroniCheck string

// memberHBA adds to hba that the operating system's user postgres, as whom only the
// shard's own containers run, is the superuser inside the pod: Patroni can act
// before the roles have the passwords of the Secrets. So replicatorRole needs none there. Members
// of earlier releases follow as the superuser.
const memberHBA = `# type  database     user                   address  method
local   all          postgres                        peer
local   all          all                             scram-sha-256
local   replication  postgres                        peer
local   replication  scalestack_replicator           trust
host    all          all                    all      scram-sha-256
host    replication  scalestack_replicator  all      scram-sha-256
host    replication  postgres               all      scram-sha-256
`

// memberFiles are what a member has to be restarted for when it changes.
func memberFiles(p plan) map[string]string {
	return map[string]string{
		"postgresql.conf": serverConfig(p.Args),
		"pg_hba.conf":     hostLines(p.Args, memberHBA),
		"roles.sh":        rolesProgram(p.Args),
		"patroni.yml":     document(patroniConfig(p)),
		"dcs.json":        document(dynamicConfig(p.Args)),
	}
}

// rolesProgram gets what a rotation needs with the first one: every change of it restarts the members.
func rolesProgram(a *Args) string {
	if a.PasswordRotation == 0 {
		return bootstrapFunctions() + rolesScript
	}
	// Passwords are sent in clear text, and statistics of statements keep them.
	const quiet = "-c log_statement=none"
	return bootstrapFunctions() + passwordsScript + strings.Replace(rolesScript, quiet, quiet+" -c pg_stat_statements.track_utility=off", 1)
}

// bootstrapFunctions is bootstrap.sh without its last lines, which run it: a shard has
// the same roles whether it has one member or several.
func bootstrapFunctions() string {
	functions, _, _ := strings.Cut(bootstrapScript, "\ncheck_data\nconverge\n")
	return functions + "\n"
}

// rolloutProgram looks first for the programs that the image needs beside the server. For
// a single server without backups it is rollout.sh alone, so that its Jobs keep their names.
func rolloutProgram(a *Args) string {
	program := rolloutScript
	if a.Backup != nil {
		program = barmanCheck + program
	}
	if a.Members > 1 {
		program = patroniCheck + program + "unpaused\n"
	}
	return program
}

type object = map[string]any

// patroniConfig is what Patroni reads at its start. The names of the shard's objects
// and pods are told by the labels that all objects of a shard have, so that Patroni
// also knows the Endpoints of a Service that was there before it.
func patroniConfig(p plan) object {
	return restTLS(p.Args, object{
		"scope": p.object(),
		"kubernetes": object{
			"labels":        object{"app.kubernetes.io/name": p.component},
			"scope_label":   "app.kubernetes.io/instance",
			"role_label":    roleLabel,
			"use_endpoints": true,
			"ports":         []object{{"name": "postgres", "port": Port, "protocol": "TCP"}},
		},
		"restapi": object{"listen": fmt.Sprintf("*:%d", restPort)},
		"bootstrap": object{
			"dcs": dynamicConfig(p.Args),
			"initdb": []any{
				"data-checksums", object{"auth": "scram-sha-256"}, object{"encoding": "UTF8"},
				object{"locale-provider": "libc"}, object{"lc-collate": "C"}, object{"lc-ctype": "C.UTF-8"},
			},
		},
		"postgresql": object{
			"listen":               fmt.Sprintf("*:%d", Port),
			"data_dir":             dataPath,
			"custom_conf":          configPath + "/postgresql.conf",
			"pgpass":               "/tmp/pgpass",
			"use_unix_socket":      true,
			"use_unix_socket_repl": true,
			"basebackup":           []object{{"checkpoint": "fast"}},
			"callbacks":            limitCallbacks(p.Args),
			"parameters":           object{"unix_socket_directories": socketPath, "hba_file": configPath + "/pg_hba.conf"},
		},
	})
}

// limitCallbacks limit what each process of a server may have, after each of its starts. Patroni's own processes, and what
// it runs beside the server, have no limit. A start under another role calls on_role_change alone.
func limitCallbacks(a *Args) object {
	command := fmt.Sprintf("python3 -I %s/limit.py %d", configPath, tuning(a).ProcessMemory/kiB)
	return object{"on_start": command, "on_restart": command, "on_role_change": command}
}

// restTLS encrypts the REST API with the server's certificate, and lets members check each
// other's. With member certificates changes need one besides the password; questions, such
// as the kubelet's, never do.
func restTLS(a *Args, config object) object {
	if a.TLS == nil {
		return config
	}
	rest := config["restapi"].(object)
	rest["certfile"], rest["keyfile"] = tlsFolder+"/current/tls.crt", tlsFolder+"/current/tls.key"
	ctl := object{"cacert": AuthorityPath}
	config["ctl"] = ctl
	if a.memberCertificates() {
		// See trust.py: its path of the same file takes the place of this one.
		rest["cafile"], rest["verify_client"] = AuthorityPath, "optional"
		ctl["certfile"], ctl["keyfile"] = rest["certfile"], rest["keyfile"]
	}
	return config
}

// dynamicConfig is what all members share. Patroni reads it from its own store only,
// where prepare.py writes it; the first member of a new shard brings it along.
//
// The mover of re-sharding owns the logical slots: Patroni neither drops them nor
// makes them anew after a failover, which would lose rows without a word.
func dynamicConfig(a *Args) object {
	return object{
		"ttl": lockSeconds, "loop_wait": loopSeconds, "retry_timeout": retrySeconds,
		"primary_start_timeout":   crashSeconds,
		"maximum_lag_on_failover": lagBytes,
		"failsafe_mode":           true,
		"synchronous_mode":        synchronousMode(a.Members),
		"ignore_slots":            []object{{"type": "logical"}},
		"postgresql":              object{"use_pg_rewind": true, "use_slots": true, "parameters": sharedParameters(a)},
	}
}

// sharedParameters are the server's settings among them.
func sharedParameters(a *Args) map[string]string {
	parameters := map[string]string{}
	for _, one := range append(serverSettings(), tuning(a).memorySettings()...) {
		if storeOnly[one.name] {
			parameters[one.name] = one.value
		}
	}
	for name, value := range a.Settings {
		if storeOnly[name] {
			parameters[name] = value
		}
	}
	return parameters
}

// storeOnly are the settings that Patroni takes from its store and nowhere else, since
// a standby must not have less of them than its primary.
var storeOnly = map[string]bool{
	"wal_level": true, "max_connections": true, "max_wal_senders": true, "max_replication_slots": true,
	"max_worker_processes": true, "max_locks_per_transaction": true, "max_prepared_transactions": true,
	"track_commit_timestamp": true, "wal_keep_size": true, "wal_log_hints": true,
}

// neverLess are those of which a standby may not have less than its primary has, with the
// server's defaults, which Patroni goes back to when nothing is set any more.
var neverLess = []struct{ name, usual string }{
	{"max_connections", "100"}, {"max_locks_per_transaction", "64"}, {"max_prepared_transactions", "0"},
	{"max_wal_senders", "10"}, {"max_worker_processes", "8"},
}

// excess asks a server whether it has more of something than all members are to have, see
// restart.py.
func excess(a *Args) string {
	parameters, terms := sharedParameters(a), []string{}
	for _, one := range neverLess {
		terms = append(terms, fmt.Sprintf("current_setting('%s')::bigint > %s", one.name, cmp.Or(parameters[one.name], one.usual)))
	}
	return "SELECT " + strings.Join(terms, " OR ")
}

// patroniDecides tells whether a server under Patroni must not be told this setting.
func patroniDecides(name string) bool {
	switch name {
	case "cluster_name", "hot_standby", "primary_conninfo", "primary_slot_name", "synchronous_standby_names":
		return true
	}
	return strings.HasPrefix(name, "recovery_")
}

// synchronousMode never lets a member take over that lacks an acknowledged commit. With
// two standbys or more any of them may acknowledge, so that a slow one holds up nobody.
func synchronousMode(members int) any {
	if members > 2 {
		return "quorum"
	}
	return true
}

// login is how Patroni logs in to a server.
type login struct{ role, password string }

// patroniSecrets is the part of Patroni's configuration with passwords: how it logs in to its own
// server and to other members, and the password of its REST API. It takes one, and reads a new one
// some time after it was mounted: rest.py knows those of before.
func patroniSecrets(a *Args, own, others login, rest ...string) string {
	authentication := object{}
	for use, as := range map[string]login{"superuser": own, "replication": others, "rewind": others} {
		settings := object{"username": as.role, "password": as.password}
		if a.TLS != nil {
			settings["sslmode"], settings["sslrootcert"] = verify, AuthorityPath
		}
		authentication[use] = settings
	}
	restAPI := object{"authentication": object{"username": restRole, "password": rest[0]}}
	if len(rest) > 1 {
		restAPI[FormerKey] = rest[1:]
	}
	return document(object{
		"postgresql": object{"authentication": authentication},
		"restapi":    restAPI,
	})
}

func patroniSecretsOf(a *Args, admin pulumi.StringInput, role string, password pulumi.StringInput, rest []pulumi.StringInput) pulumi.StringOutput {
	return pulumi.All(admin, password, pulumi.StringArray(rest).ToStringArrayOutput()).ApplyT(func(values []any) string {
		return patroniSecrets(a, login{AdminRole, values[0].(string)}, login{role, values[1].(string)}, values[2].([]string)...)
	}).(pulumi.StringOutput)
}

// document is JSON, which every reader of YAML reads too, with the keys in order.
func document(value object) string {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(err) // Strings, numbers and lists of them always have a form.
	}
	return string(text) + "\n"
}
