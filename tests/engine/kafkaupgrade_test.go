package engine

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/kafka"
)

// versions are the four that an upgrade moves.
type versions struct{ operator, api, kafka, metadata string }

func (v versions) set(a *kafka.Args) {
	a.Operator.Version, a.APIVersion, a.Version, a.MetadataVersion = v.operator, "kafka.strimzi.io/"+v.api, v.kafka, v.metadata
}

// path is the table in docs/kafka.md, with the metadata version raised after each Kafka.
var path = []versions{
	{"0.44.0", "v1beta2", "3.7.1", "3.7-IV4"},
	{"0.44.0", "v1beta2", "3.8.0", "3.7-IV4"}, {"0.44.0", "v1beta2", "3.8.0", "3.8-IV0"},
	{"0.45.1", "v1beta2", "3.8.0", "3.8-IV0"},
	{"0.45.1", "v1beta2", "3.9.1", "3.8-IV0"}, {"0.45.1", "v1beta2", "3.9.1", "3.9-IV0"},
	{"0.47.0", "v1beta2", "3.9.1", "3.9-IV0"},
	{"0.47.0", "v1beta2", "4.0.0", "3.9-IV0"}, {"0.47.0", "v1beta2", "4.0.0", "4.0-IV3"},
	{"0.49.1", "v1beta2", "4.0.0", "4.0-IV3"},
	{"0.49.1", "v1beta2", "4.1.1", "4.0-IV3"}, {"0.49.1", "v1beta2", "4.1.1", "4.1-IV1"},
	{"0.51.0", "v1beta2", "4.1.1", "4.1-IV1"}, {"0.51.0", "v1", "4.1.1", "4.1-IV1"},
	{"1.0.1", "v1", "4.1.1", "4.1-IV1"},
	{"1.0.1", "v1", "4.2.0", "4.1-IV1"}, {"1.0.1", "v1", "4.2.0", "4.2-IV1"},
	{"1.2.0", "v1", "4.2.0", "4.2-IV1"},
}

// Each step is an update in place of what is there, from the first release to the last.
func TestTheWholeUpgradePath(t *testing.T) {
	r, args := deployed(t, path[0].set)
	for _, step := range path[1:] {
		step.set(args)
		_, err := r.run(update, true)
		require.NoError(t, err, step)
		r.mustRun(update)
		for _, one := range r.done {
			require.True(t, strings.HasPrefix(one, "update "), "%v: %s", step, one)
		}
	}
}

// A step that is left out is refused in the preview, with the reason.
func TestAStepThatIsLeftOutIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		from, to versions
		want     string
	}{
		"an operator that does not know the Kafka that runs": {path[0], versions{"0.45.1", "v1beta2", "3.8.0", "3.7-IV4"},
			"operator.version: Invalid value: \"0.45.1\": does not know Kafka 3.7.1, which still runs"},
		"metadata with Kafka": {path[0], versions{"0.44.0", "v1beta2", "3.8.0", "3.8-IV0"}, "metadataVersion: Invalid value: \"3.8-IV0\": must stay 3.7-IV4"},
		"metadata back":       {path[2], versions{"0.44.0", "v1beta2", "3.8.0", "3.7-IV4"}, "metadataVersion: Invalid value: \"3.7-IV4\": must not go back"},
		"v1 too early":        {path[0], versions{"0.44.0", "v1", "3.7.1", "3.7-IV4"}, "apiVersion: Invalid value: \"kafka.strimzi.io/v1\": must be served by operator 0.44.0"},
		"1.0 before v1":       {path[12], versions{"1.0.1", "v1beta2", "4.1.1", "4.1-IV1"}, "apiVersion: Invalid value: \"kafka.strimzi.io/v1beta2\": must be served by operator 1.0.1"},
		"Kafka the operator has not": {path[0], versions{"0.44.0", "v1beta2", "3.9.1", "3.7-IV4"},
			"version: Invalid value: \"3.9.1\": must be one that operator 0.44.0 runs"},
	} {
		t.Run(name, func(t *testing.T) {
			args := cluster()
			c.from.set(args)
			var refused error
			r := newRig(t, func() pulumi.RunFunc {
				return func(ctx *pulumi.Context) error {
					_, refused = kafka.New(ctx, "kafka", args)
					return refused
				}
			})
			r.mustRun(update)
			c.to.set(args)
			said, err := r.run(update, true)
			require.Error(t, err)
			if refused != nil {
				said += refused.Error() // a mistake in the arguments alone comes before the engine
			}
			require.Contains(t, said, c.want)
			r.requireNothingLost()
		})
	}
}
