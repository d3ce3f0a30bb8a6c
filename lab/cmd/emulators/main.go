// Command emulators contains the lab's emulators of Pulumi plugins that no registry
// has. It acts as the plugin whose name it is called by.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/scalestack/scalestack/lab/emulators/cloudflare"
	"github.com/scalestack/scalestack/lab/emulators/language"
	"github.com/scalestack/scalestack/lab/emulators/random"
	"github.com/scalestack/scalestack/lab/emulators/serve"
)

func main() {
	if err := run(filepath.Base(os.Args[0]), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, args []string, stdout io.Writer) error {
	switch name {
	case "pulumi-language-go":
		return serve.Run(args, stdout, language.Register)
	case "pulumi-resource-random":
		return serve.Run(args, stdout, random.Provider().Register)
	case "pulumi-resource-cloudflare":
		return serve.Run(args, stdout, cloudflare.Provider(os.Getenv).Register)
	}
	return fmt.Errorf("%q is not the name of an emulator: call it as pulumi-language-go, "+
		"pulumi-resource-random or pulumi-resource-cloudflare", name)
}
