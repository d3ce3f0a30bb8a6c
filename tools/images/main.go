// Command images builds the product's programs for several platforms, pushes them to a
// registry with a bill of materials each, and writes their digests into a stack's file:
//
//	images --registry registry.example.com/shop --file Pulumi.staging.yaml
//
// Credentials are those of docker login. The registry of a loopback address may speak
// plain HTTP. What is built is this checkout, so commit first: the tag names the commit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// program is a main package of this repository with an image of its own.
type program struct {
	// name of the image, below the registry.
	name string
	// module is the folder of its module, from the top of the repository.
	module string
	// optional programs are built for the stacks that run them.
	optional bool
}

var programs = []program{{"shardctl", "sharding", false}, {"users", "services/users", false}, {"edge", ".", true}}

// job is one run.
type job struct {
	registry     string
	tag          string
	files        []string
	certificates string
	base         string
	repo         string
	platforms    []v1.Platform
	build        builder
	remote       []remote.Option
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	j, err := parse(os.Args[1:])
	if err == nil {
		j.remote = []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(ctx)}
		err = j.run(ctx)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// parse returns every mistake in the arguments at once.
func parse(args []string) (*job, error) {
	j := &job{}
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.StringVar(&j.registry, "registry", "", "registry and path below which the images go, such as registry.example.com/shop")
	flags.StringVar(&j.tag, "tag", "", "tag of the images beside their digests (default: git describe)")
	flags.Func("file", "stack file whose images become these digests, may be repeated (default: none, print them)", func(file string) error {
		j.files = append(j.files, file)
		return nil
	})
	flags.StringVar(&j.base, "base", "", "base image by digest (default: an empty one with the machine's certificate authorities)")
	flags.StringVar(&j.certificates, "certificates", "/etc/ssl/certs/ca-certificates.crt", "authorities of the default base")
	flags.StringVar(&j.repo, "repo", "../..", "top of the checkout")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "platforms, separated by commas")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if _, err := name.NewRepository(j.registry); err != nil || !hasHost(j.registry) {
		errs = append(errs, fmt.Errorf("registry: %q is not a registry with a path, such as registry.example.com/shop", j.registry))
	}
	if _, err := name.NewTag("image:" + j.tag); j.tag != "" && err != nil {
		errs = append(errs, fmt.Errorf("tag: %q is not a tag", j.tag))
	}
	if _, err := name.NewDigest(j.base); j.base != "" && err != nil {
		errs = append(errs, fmt.Errorf("base: %q is not an image by digest", j.base))
	}
	for _, text := range strings.Split(*platforms, ",") {
		p, err := v1.ParsePlatform(text)
		if err != nil || p.OS == "" || p.Architecture == "" {
			errs = append(errs, fmt.Errorf("platforms: %q is not <os>/<architecture>", text))
			continue
		}
		j.platforms = append(j.platforms, *p)
	}
	j.build = ko
	return j, errors.Join(errs...)
}

// hasHost tells a registry from a path at Docker Hub, which nobody means here.
func hasHost(registry string) bool {
	host, path, _ := strings.Cut(registry, "/")
	return path != "" && strings.ContainsAny(strings.TrimSuffix(host, ":"), ".:") || host == "localhost" && path != ""
}
