package stack

import (
	"maps"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/kafka"
)

// Events are the programs that follow a change of a user, out of its way.
type Events struct {
	Enabled    bool   `json:"enabled"`
	Relay      Worker `json:"relay"`
	Email      Worker `json:"email"`
	Analytics  Worker `json:"analytics"`
	Invalidate Worker `json:"invalidate"`
	Mail       Mail   `json:"mail"`
	Pool       int    `json:"pool"`
	Scrapers   []Peer `json:"scrapers"`
}

// Worker is the size of one of them.
type Worker struct {
	Replicas         Replicas  `json:"replicas"`
	CPUTargetPercent int       `json:"cpuTargetPercent"`
	Metrics          []Metric  `json:"metrics"`
	Resources        Resources `json:"resources"`
}

// Mail is the server that takes the mails.
type Mail struct {
	Host    string `json:"host"`
	Port    int    `json:"port"`
	TLS     string `json:"tls"`
	From    string `json:"from"`
	Secret  string `json:"secret"`
	Servers []Peer `json:"servers"`
}

// Where a worker finds what it needs; see its settings.
const (
	kafkaFolder   = "/etc/scalestack/kafka"
	kafkaCAFolder = "/etc/scalestack/kafka-ca"
	mailFolder    = "/etc/scalestack/mail"
)

// worker is one program: what it reads and writes, and whom it calls.
type worker struct {
	name string
	size Worker
	// produce and consume are topics. A consumer's group has the worker's name.
	produce, consume []string
	// pool is the most connections of one pod to one shard, 0 without any.
	pool        int
	cache, mail bool
}

// relayPool is what a relay has: one session with each shard, whose lock keeps
// other relays away.
const relayPool = 1

const (
	userEvents    = "user_events"
	productEvents = "product_events"
)

func (c *Config) workers() []worker {
	e := c.Events
	if !e.Enabled {
		return nil
	}
	all := []string{userEvents, productEvents}
	return []worker{
		{name: "relay", size: e.Relay, produce: all, pool: relayPool},
		{name: "email", size: e.Email, consume: []string{userEvents}, pool: e.Pool, mail: true},
		{name: "analytics", size: e.Analytics, consume: all, pool: e.Pool},
		{name: "invalidate", size: e.Invalidate, consume: []string{userEvents}, cache: true},
	}
}

// deadLetter is where a consumer puts what it cannot process.
func (w worker) deadLetter() string {
	if len(w.consume) == 0 {
		return ""
	}
	return w.name + "_dlq"
}

// kafkaUser may do what the worker does and nothing else.
func (w worker) kafkaUser() kafka.User {
	user := kafka.User{Name: w.name, Produce: w.produce, Consume: w.consume, DeadLetter: w.deadLetter()}
	if len(w.consume) > 0 {
		user.Group = w.name
	}
	return user
}

// eventWiring is what the workers get from the event log, beside what the app
// gets.
type eventWiring struct {
	wiring
	bootstrap, authority pulumi.StringInput
	// users are the Secrets of the Kafka users, by worker.
	users map[string]pulumi.StringInput
}

func (c *Config) workerArgs(w worker, from eventWiring) *app.Args {
	args := &app.Args{
		Namespace:        from.namespace,
		Image:            c.Images.Workload,
		ImagePullPolicy:  c.Images.PullPolicy,
		Args:             []string{w.name},
		Port:             appPort,
		Callers:          peers(c.Events.Scrapers),
		Resources:        app.Resources(w.size.Resources),
		Replicas:         app.Replicas(w.size.Replicas),
		CPUTargetPercent: w.size.CPUTargetPercent,
		Metrics:          metrics(w.size.Metrics),
	}
	connectKafka(args, w, from)
	if w.pool > 0 {
		connectShards(args, w, from)
	}
	if w.cache {
		connectCache(args, from)
	}
	if w.mail {
		c.connectMail(args)
	}
	return args
}

func connectKafka(args *app.Args, w worker, from eventWiring) {
	args.Env = map[string]pulumi.StringInput{
		"SCALESTACK_LISTEN":            pulumi.Sprintf(":%d", appPort),
		"SCALESTACK_SHUTDOWN_GRACE":    pulumi.String("20s"),
		"SCALESTACK_KAFKA_BOOTSTRAP":   from.bootstrap,
		"SCALESTACK_KAFKA_CA":          pulumi.String(kafkaCAFolder + "/ca.crt"),
		"SCALESTACK_KAFKA_USER":        pulumi.String(w.name),
		"SCALESTACK_KAFKA_CREDENTIALS": pulumi.String(kafkaFolder),
	}
	if len(w.consume) > 0 {
		args.Env["SCALESTACK_KAFKA_GROUP"] = pulumi.String(w.name)
	}
	args.Mounts = append(args.Mounts,
		app.Mount{Name: "kafka", Path: kafkaFolder, Secrets: []app.SecretFiles{
			{Secret: from.users[w.name], Files: map[string]string{"password": "password"}},
		}},
		app.Mount{Name: "kafka-ca", Path: kafkaCAFolder, Secrets: []app.SecretFiles{
			{Secret: from.authority, Files: map[string]string{"ca.crt": "ca.crt"}},
		}})
	args.Targets = append(args.Targets,
		app.Target{Peer: app.Peer{Pods: kafka.BrokerLabels(kafkaName)}, Port: kafka.Port})
}

func connectShards(args *app.Args, w worker, from eventWiring) {
	maps.Copy(args.Env, shardEnv())
	args.Env["SCALESTACK_DB_POOL"] = pulumi.String(strconv.Itoa(w.pool))
	args.Mounts = append(args.Mounts, from.mapMount(), credentials(from.appSecrets))
	args.Targets = append(args.Targets, from.shards())
}

func connectCache(args *app.Args, from eventWiring) {
	maps.Copy(args.Env, from.cacheEnv())
	args.Mounts = append(args.Mounts, from.cacheMount())
	args.Targets = append(args.Targets, from.cache())
}

func (c *Config) connectMail(args *app.Args) {
	m := c.Events.Mail
	args.Env["SCALESTACK_SMTP_ADDRESS"] = pulumi.Sprintf("%s:%d", m.Host, m.Port)
	args.Env["SCALESTACK_SMTP_TLS"] = pulumi.String(m.TLS)
	args.Env["SCALESTACK_MAIL_FROM"] = pulumi.String(m.From)
	if m.Secret != "" {
		args.Env["SCALESTACK_SMTP_CREDENTIALS"] = pulumi.String(mailFolder)
		args.Mounts = append(args.Mounts, app.Mount{Name: "mail", Path: mailFolder, Secret: pulumi.String(m.Secret)})
	}
	for _, server := range peers(m.Servers) {
		args.Targets = append(args.Targets, app.Target{Peer: server, Port: m.Port})
	}
}
