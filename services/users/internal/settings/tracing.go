package settings

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/scalestack/scalestack/sharding/settings"
)

func init() {
	settings.AddRule("collector", "an address such as http://collector:4318, with http or https and without user, query and fragment", isCollector)
	settings.AddRule("ratio", "a number between 0 and 1", isRatio)
}

// Tracing says where traces go. The SDK reads the same variables, and takes a wrong
// value for none: they are here to be checked and listed.
type Tracing struct {
	Endpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" validate:"omitempty,collector" doc:"the OpenTelemetry collector, by HTTP, to whose /v1/traces traces are sent; without it there are none"`
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" validate:"omitempty,collector" doc:"the same as a whole, with its path; goes before the other"`
	Protocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL" envDefault:"http/protobuf" validate:"oneof=http/protobuf" doc:"how the collector is spoken to"`
	Sampler        string `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on" validate:"oneof=always_on always_off traceidratio parentbased_always_on parentbased_always_off parentbased_traceidratio" doc:"which traces are recorded; parentbased ones let the client decide that sends a traceparent"`
	SamplerArg     string `env:"OTEL_TRACES_SAMPLER_ARG" validate:"omitempty,ratio" doc:"which part of the traces the ratio samplers record, empty for all"`
	// ServiceName is by default the name of the command.
	ServiceName string `env:"OTEL_SERVICE_NAME" doc:"our name in the traces"`
}

// Enabled reports whether there are traces.
func (t *Tracing) Enabled() bool { return t.Endpoint != "" || t.TracesEndpoint != "" }

// isCollector refuses credentials, which belong into OTEL_EXPORTER_OTLP_HEADERS.
func isCollector(text string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains([]string{"http", "https"}, u.Scheme) && u.Hostname() != "" && isPort(u) &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// isPort takes a port that can be connected to, or none.
func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return u.Host == u.Hostname() || u.Host == "["+u.Hostname()+"]"
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port > 0 && port <= 65535
}

func isRatio(text string) bool {
	ratio, err := strconv.ParseFloat(text, 64)
	return err == nil && ratio >= 0 && ratio <= 1
}

// mistakes reports an argument that no sampler reads.
func (t *Tracing) mistakes() []error {
	if t.SamplerArg == "" || t.Sampler == "traceidratio" || t.Sampler == "parentbased_traceidratio" {
		return nil
	}
	return []error{fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: %s is only for traceidratio and parentbased_traceidratio, and OTEL_TRACES_SAMPLER is %s", t.SamplerArg, t.Sampler)}
}
