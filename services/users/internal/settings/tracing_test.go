package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTracesAreByChoice(t *testing.T) {
	s, err := ServeCommand.Load(environment(map[string]string{"SCALESTACK_PUBLIC": "true"}))
	require.NoError(t, err)
	require.False(t, s.Tracing.Enabled())
	require.Equal(t, "users", s.Tracing.ServiceName)
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		e, err := EmailCommand.Load(environment(map[string]string{name: "http://collector:4318", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}))
		require.NoError(t, err)
		require.True(t, e.Tracing.Enabled())
		require.Equal(t, "email", e.Tracing.ServiceName)
	}
}

func TestEveryMistakeOfTracingIsReported(t *testing.T) {
	_, err := AnalyticsCommand.Load(environment(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_TRACES_SAMPLER": "sometimes", "OTEL_TRACES_SAMPLER_ARG": "10%"}))
	require.Error(t, err)
	require.ElementsMatch(t, []string{
		`OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" is not an address such as http://collector:4318, with http or https and without user, query and fragment`,
		`OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not one of http/protobuf`,
		`OTEL_TRACES_SAMPLER: "sometimes" is not one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio`,
		`OTEL_TRACES_SAMPLER_ARG: "10%" is not a number between 0 and 1`,
	}, strings.Split(err.Error(), "\n"))
	const ignored = "OTEL_TRACES_SAMPLER_ARG: 0.1 is only for traceidratio and parentbased_traceidratio, and OTEL_TRACES_SAMPLER is parentbased_always_on"
	ratio := map[string]string{"SCALESTACK_PUBLIC": "true", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
	_, err = ServeCommand.Load(environment(ratio))
	require.EqualError(t, err, ignored)
	_, err = RelayCommand.Load(environment(ratio))
	require.EqualError(t, err, ignored)
	_, err = EmailCommand.Load(environment(ratio))
	require.EqualError(t, err, ignored)
}

func TestCollectors(t *testing.T) {
	for text, good := range map[string]bool{
		"http://collector:4318": true, "https://otlp.example.com/v1/traces": true, "http://10.0.0.1": true, "http://[::1]:4318": true,
		"collector": false, "http://": false, "http://:4318": false, "http://collector:": false, "http://collector:0": false, "http://collector:65536": false,
		"grpc://collector:4317": false, "https://key@otlp.example.com": false, "https://otlp.example.com?key=1": false, "https://otlp.example.com#a": false,
	} {
		require.Equal(t, good, isCollector(text), text)
	}
	for text, good := range map[string]bool{"0": true, "1": true, "0.25": true, "1e-3": true, "-0.1": false, "1.1": false, "NaN": false, "": false} {
		require.Equal(t, good, isRatio(text), text)
	}
}
