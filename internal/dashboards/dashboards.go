package dashboards

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// Board is one dashboard.
type Board struct {
	// Name is part of its file's and its uid's: lower-case letters.
	Name string
	// Title for people.
	Title  string
	Panels []Panel
}

// Panel is one graph.
type Panel struct {
	Title string
	// Meaning says what a person should read off it.
	Meaning string
	// Unit of the values, one of package units.
	Unit    string
	Queries []Query
}

// Query is PromQL. It may use the dashboard's $namespace and Grafana's
// $__rate_interval.
type Query struct {
	Expr string
	// Legend names a series, with {{label}}.
	Legend string
}

// Expand is the query as it is asked for a namespace over five minutes.
func (q Query) Expand(namespace string) string {
	return strings.NewReplacer("$namespace", namespace, "$__rate_interval", "5m").Replace(q.Expr)
}

// All are the dashboards.
func All() []Board {
	return []Board{product(), service(), shards(), servers(), moves(), events(), edge()}
}

const (
	// source is the variable that selects the Prometheus.
	source = "datasource"
	// Two panels beside each other fill Grafana's 24 columns.
	width, height = 12, 8
)

// JSON is the dashboard as Grafana reads it.
func (b Board) JSON() ([]byte, error) {
	//lint:ignore SA1019 the newer schema is for Grafana 12 alone, and ConfigMaps are read by every version in use
	d := dashboard.NewDashboardBuilder(b.Title).Uid("scalestack-"+b.Name).Tags([]string{"scalestack"}).Readonly().
		Time("now-1h", "now").Refresh("30s").Timezone("utc").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder(source).Type("prometheus")).
		WithVariable(dashboard.NewQueryVariableBuilder("namespace").Datasource(prometheusSource()).
			Query(dashboard.StringOrMap{String: pointer("label_values(scalestack_shard_up, namespace)")}).
			Refresh(dashboard.VariableRefreshOnDashboardLoad))
	for _, panel := range b.Panels {
		d.WithPanel(panel.build())
	}
	built, err := d.Build()
	if err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", b.Name, err)
	}
	return json.MarshalIndent(built, "", "  ")
}

func (p Panel) build() *timeseries.PanelBuilder {
	panel := timeseries.NewPanelBuilder().Title(p.Title).Description(p.Meaning).Unit(p.Unit).Min(0).
		Datasource(prometheusSource()).Span(width).Height(height)
	for i, q := range p.Queries {
		panel.WithTarget(prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(q.Expr).LegendFormat(q.Legend).Range())
	}
	return panel
}

func prometheusSource() common.DataSourceRef {
	return common.DataSourceRef{Type: pointer("prometheus"), Uid: pointer("${" + source + "}")}
}

func pointer(text string) *string { return &text }

// The units of all panels.
const (
	count   = units.Short
	ratio   = units.PercentUnit
	seconds = units.Seconds
	bytes   = units.BytesIEC
)
