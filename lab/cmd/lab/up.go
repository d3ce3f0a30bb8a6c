package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/lab/crds"
	"github.com/scalestack/scalestack/lab/images"
	"github.com/scalestack/scalestack/lab/internal/builds"
	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/debian"
	"github.com/scalestack/scalestack/lab/internal/deploy"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
	"github.com/scalestack/scalestack/lab/internal/step"
)

func newUp() *cobra.Command {
	var nodes int
	command := inCheckout("up", "Build what is missing, start the lab and deploy the dev stack", func(ctx context.Context, p paths.Paths) error {
		u := newRun(p)
		if err := u.countNodes(nodes); err != nil {
			return err
		}
		if err := u.phases(ctx, u.build, u.start, u.deploy); err != nil {
			return err
		}
		u.summary(ctx)
		return nil
	})
	nodesFlag(command, &nodes)
	return command
}

func nodesFlag(command *cobra.Command, nodes *int) {
	command.Flags().IntVar(nodes, "nodes", 0, fmt.Sprintf("how many nodes a lab without data gets, 1..%d; 0: as many as its data has, or 1", cluster.MaxNodes))
}

// newStart is for drills with a stack of their own. Beside the dev stack their pods would share its two CPUs.
func newStart() *cobra.Command {
	var patroni, next, minor, s3 bool
	var nodes int
	command := inCheckout("start", "Build what is missing, start the lab and deploy nothing", func(ctx context.Context, p paths.Paths) error {
		u := newRun(p)
		u.patroni, u.nextPostgres, u.nextMinor = patroni, next, minor
		if err := u.countNodes(nodes); err != nil {
			return err
		}
		phases := []func(context.Context) error{u.build, u.start}
		if s3 {
			phases = append(phases, u.store)
		}
		if err := u.phases(ctx, phases...); err != nil {
			return err
		}
		return deploy.Prepare(u.Paths, u.localImages())
	})
	command.Flags().BoolVar(&patroni, "patroni", false, "build the image of shards with several members or with backups too")
	command.Flags().BoolVar(&next, "next-postgres", false, "build the image of the next version of PostgreSQL too")
	command.Flags().BoolVar(&minor, "next-minor", false, "build the image of a later minor version of PostgreSQL too, with --patroni also the one with Patroni")
	command.Flags().BoolVar(&s3, "s3", false, "compile and start an S3 server too")
	nodesFlag(command, &nodes)
	return command
}

func newBuild() *cobra.Command {
	var kwok bool
	command := inCheckout("build", "Build what is missing and start nothing", func(ctx context.Context, p paths.Paths) error {
		u := newRun(p)
		if !kwok {
			return u.phases(ctx, u.build)
		}
		if err := u.phases(ctx, u.build, func(ctx context.Context) error { return u.compile(ctx, builds.Simulator()) }); err != nil {
			return err
		}
		return deploy.Prepare(u.Paths, u.localImages())
	})
	command.Flags().BoolVar(&kwok, "kwok", false, "compile KWOK too, and write .lab/env for what uses it without a lab")
	return command
}

// up carries what one step makes and a later one needs.
type up struct {
	paths.Paths
	*step.Runner
	images  []images.Image
	crds    string
	outputs deploy.Outputs
	// app is the app's address past the edge.
	app string
	// patroni asks for the image of shards with several members.
	patroni bool
	// nextPostgres asks for the image of the next version of PostgreSQL.
	nextPostgres bool
	// nextMinor asks for the image of a later minor version.
	nextMinor bool
	// nodes is how many nodes the lab has.
	nodes int
}

func newRun(p paths.Paths) *up {
	return &up{Paths: p, Runner: &step.Runner{Out: os.Stdout, LogOf: p.Log}}
}

func (u *up) countNodes(asked int) (err error) {
	u.nodes, err = cluster.Nodes(u.Paths, asked)
	return err
}

// phases run one after another. The step that failed has told why.
func (u *up) phases(ctx context.Context, all ...func(context.Context) error) error {
	if err := preflight(u.Paths); err != nil {
		return err
	}
	for _, phase := range all {
		if phase(ctx) != nil {
			return errors.New("stopped at the step above; finished steps are kept. Fix what its log says and run the command again")
		}
	}
	return nil
}

// preflight refuses what could only fail later.
func preflight(p paths.Paths) error {
	if os.Geteuid() != 0 {
		return errors.New("the lab runs containers and needs root")
	}
	if names, home := proc.Running(); len(names) > 0 && home != p.Home {
		return fmt.Errorf("the lab of %s is running on this machine: stop it first with make down", home)
	}
	return nil
}

func (u *up) build(ctx context.Context) error {
	if err := u.Do(ctx, "packages", "install Debian packages", func(ctx context.Context, log *step.Log) error {
		return debian.Ensure(ctx, log, slices.Concat(debian.Host, images.DebianPackages(), crds.DebianPackages())...)
	}); err != nil {
		return err
	}
	// Images are mostly downloads, and compilers leave the network alone.
	buildImages, generate := ahead(ctx, u.buildImages), ahead(ctx, u.generateDefinitions)
	for _, program := range builds.Programs() {
		if err := u.compile(ctx, program); err != nil {
			return err
		}
	}
	if err := u.Do(ctx, "images", "build container images", buildImages); err != nil {
		return err
	}
	return u.Do(ctx, "crds", "generate Strimzi's resource definitions", generate)
}

func (u *up) compile(ctx context.Context, program builds.Program) error {
	return u.Do(ctx, "build-"+program.Name, "compile "+program.Title, func(ctx context.Context, log *step.Log) error {
		return builds.Build(ctx, u.Paths, program, log)
	})
}

// ahead begins a step's work at once. The step itself waits for its end and has its log.
func ahead(ctx context.Context, work func(context.Context, io.Writer) error) func(context.Context, *step.Log) error {
	var log bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- work(ctx, &log) }()
	return func(_ context.Context, to *step.Log) error {
		err := <-ended
		_, _ = log.WriteTo(to)
		return err
	}
}

func (u *up) generateDefinitions(ctx context.Context, log io.Writer) (err error) {
	u.crds, err = crds.Generate(ctx, crds.Options{CacheDir: u.Cache("crds"), OutDir: u.Home + "/crds", Log: log})
	return err
}

func (u *up) buildImages(ctx context.Context, log io.Writer) (err error) {
	u.images, err = images.Build(ctx, images.Options{
		CacheDir: u.Cache("images"), OutDir: u.Home + "/images", RepoDir: u.Repo, Log: log,
		Patroni: u.asksForPatroni(), NextPostgres: u.nextPostgres, NextMinor: u.nextMinor,
	})
	return err
}

// asksForPatroni reports whether a drill or the dev stack has shards with several members.
func (u *up) asksForPatroni() bool {
	settings, _ := os.ReadFile(filepath.Join(u.Repo, "Pulumi."+deploy.Stack+".yaml"))
	return u.patroni || bytes.Contains(settings, []byte(images.PatroniRef))
}

func (u *up) start(ctx context.Context) error {
	if err := u.Do(ctx, "configuration", "write certificates and configuration", func(context.Context, *step.Log) error {
		if err := cluster.EnsurePKI(u.Paths, u.nodes); err != nil {
			return err
		}
		return cluster.WriteConfigs(u.Paths, u.ref("scalestack/pause"), u.nodes)
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "runtime", "start containerd, import the images", func(ctx context.Context, log *step.Log) error {
		return u.startRuntime(ctx, log)
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "control-plane", "start the control plane", func(ctx context.Context, log *step.Log) error {
		return cluster.StartControlPlane(ctx, u.Paths, log)
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "node", "start node, DNS, volumes and metrics", func(ctx context.Context, log *step.Log) error {
		if err := cluster.StartNode(ctx, u.Paths, log, u.nodes); err != nil {
			return err
		}
		return cluster.Apply(ctx, u.Paths, log, u.crds)
	}); err != nil {
		return err
	}
	if err := u.startNodes(ctx); err != nil {
		return err
	}
	if err := u.Do(ctx, "operator-start", "start the emulator of the Strimzi operator", func(ctx context.Context, log *step.Log) error {
		return cluster.StartOperator(ctx, u.Paths, log, u.ref(images.KafkaName), u.ref(images.KafkaExporterName))
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "metrics-start", "start VictoriaMetrics", func(ctx context.Context, log *step.Log) error {
		return cluster.StartMetrics(ctx, u.Paths, log)
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "keda-start", "start KEDA", func(ctx context.Context, log *step.Log) error {
		return cluster.StartKEDA(ctx, u.Paths, log)
	}); err != nil {
		return err
	}
	return u.Do(ctx, "mail-start", "start the mail sink", func(ctx context.Context, log *step.Log) error {
		return cluster.StartMail(ctx, u.Paths, log)
	})
}

func (u *up) store(ctx context.Context) error {
	if err := u.compile(ctx, builds.Store()); err != nil {
		return err
	}
	return u.Do(ctx, "s3-start", "start the S3 server", func(ctx context.Context, log *step.Log) error {
		return cluster.StartStore(ctx, u.Paths, log)
	})
}

func (u *up) startRuntime(ctx context.Context, log *step.Log) error {
	if err := cluster.StartRuntime(ctx, u.Paths, log); err != nil {
		return err
	}
	return cluster.ImportImages(ctx, u.Paths, log, u.imports())
}

// startNodes starts the nodes beside the first one.
func (u *up) startNodes(ctx context.Context) error {
	if u.nodes == 1 {
		return nil
	}
	return u.Do(ctx, "nodes", fmt.Sprintf("start %d nodes more, import the images", u.nodes-1), func(ctx context.Context, log *step.Log) error {
		return cluster.StartNodes(ctx, u.Paths, log, u.nodes, u.imports())
	})
}

func (u *up) imports() []cluster.Import {
	all := make([]cluster.Import, len(u.images))
	for i, image := range u.images {
		all[i] = cluster.Import{Tar: image.Tar, Digest: string(image.Digest)}
	}
	return all
}

// localImages are the images of this checkout's programs by the names that the stack's
// configuration has for them.
func (u *up) localImages() map[string]string {
	images := map[string]string{}
	for _, name := range []string{"scalestack/users", "scalestack/shardctl"} {
		images[name+":dev"] = u.ref(name)
	}
	return images
}

func (u *up) deploy(ctx context.Context) error {
	if err := u.Do(ctx, "pulumi-up", "pulumi up of stack dev", func(ctx context.Context, log *step.Log) error {
		return proc.Watch(ctx, func(ctx context.Context) error { return deploy.Up(ctx, u.Paths, u.localImages(), log) })
	}); err != nil {
		return err
	}
	if err := u.Do(ctx, "edge-start", "start the emulator of Cloudflare's edge", u.startEdge); err != nil {
		return err
	}
	return u.Do(ctx, "page-start", "start the lab's page", func(ctx context.Context, log *step.Log) error {
		return cluster.StartPage(ctx, u.Paths, log, u.outputs.Namespace, u.app)
	})
}

func (u *up) startEdge(ctx context.Context, log *step.Log) (err error) {
	if u.outputs, err = deploy.Read(ctx, u.Paths); err != nil {
		return err
	}
	if u.app, err = cluster.ServiceAddress(ctx, u.Paths, u.outputs.Namespace, "app"); err != nil {
		return err
	}
	return cluster.StartEdge(ctx, u.Paths, log, u.app, deploy.CloudflareDir(u.Paths))
}

// ref is the full reference of the image that was built under a name.
func (u *up) ref(name string) string {
	for _, image := range u.images {
		if repository, _, _ := strings.Cut(image.Ref, ":"); repository == name {
			return image.Ref
		}
	}
	return name
}
