package stack

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Option changes the settings before they are checked.
type Option func(*Config)

// RefusedError says why a run ended before it registered anything: all mistakes in the
// configuration, one per line, or what the guards found.
type RefusedError struct{ reason error }

func (e *RefusedError) Error() string { return e.reason.Error() }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.reason }

// Program returns the arguments of pulumi.Run. The option keeps the run's settings: a
// context only answers for keys that are asked for, while the run's info lists all of
// them, and an unknown key must be refused. Without the option the program refuses to
// run, because it would deploy the defaults and ignore every setting. An inline program
// of the Automation API cannot have options; use a local one (auto.NewStackLocalSource)
// with this module's main package or one like it.
func Program(options ...Option) (pulumi.RunFunc, pulumi.RunOption) {
	var run pulumi.RunInfo
	keep := func(info *pulumi.RunInfo) { run = *info }
	return func(ctx *pulumi.Context) error {
		if run.Project == "" {
			return errors.New("the settings are not known, and nothing was changed: hand both results of stack.Program to pulumi.Run. " +
				"Fix for an inline program: use auto.NewStackLocalSource")
		}
		if err := checkPassphrase(run); err != nil {
			return &RefusedError{err}
		}
		config, err := Load(run, options...)
		if err != nil {
			return &RefusedError{fmt.Errorf("the configuration is refused, nothing was changed:\n%w", err)}
		}
		if err := config.guard(ctx); err != nil {
			return &RefusedError{err}
		}
		outputs, err := deploy(ctx, config)
		for name, value := range outputs {
			ctx.Export(name, value)
		}
		return err
	}, keep
}
