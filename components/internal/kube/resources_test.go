package kube

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/check"
)

func TestResourcesArgs(t *testing.T) {
	args := Resources{CPURequest: "100m", Memory: "1Gi"}.Args()
	require.Equal(t, pulumi.StringMap{"cpu": pulumi.String("100m"), "memory": pulumi.String("1Gi")}, args.Requests)
	require.Equal(t, pulumi.StringMap{"memory": pulumi.String("1Gi")}, args.Limits, "an empty limit is no limit")
}

func TestResourcesValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		resources Resources
		want      string
	}{
		"good":           {Resources{CPURequest: "1", CPULimit: "1", Memory: "1Gi"}, ""},
		"no cpu limit":   {Resources{CPURequest: "1", Memory: "1Gi"}, ""},
		"limit too low":  {Resources{CPURequest: "1", CPULimit: "900m", Memory: "1Gi"}, "r.cpuLimit: 900m is below cpuRequest 1"},
		"negative":       {Resources{CPURequest: "1", CPULimit: "1", Memory: "-1Gi"}, "r.memory: -1Gi is not above 0"},
		"not a quantity": {Resources{CPURequest: "1", CPULimit: "1", Memory: "lots"}, `r.memory: "lots" is not a quantity such as 500m, 2 or 1Gi`},
	} {
		t.Run(name, func(t *testing.T) {
			var errs check.Errors
			tc.resources.Validate(&errs, "r")
			requireErr(t, errs.Err(), tc.want)
		})
	}
}
