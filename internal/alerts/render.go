package alerts

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// File is a file of rules as Prometheus and vmalert read it, and the spec of a PrometheusRule.
type File struct {
	Groups []fileGroup `yaml:"groups"`
}

type fileGroup struct {
	Name  string     `yaml:"name"`
	Rules []fileRule `yaml:"rules"`
}

type fileRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// NewFile puts groups into the form of a file; each rule links its runbook.
func NewFile(groups []Group, o Options) File {
	var f File
	for _, group := range groups {
		g := fileGroup{Name: group.Name}
		for _, r := range group.Rules {
			g.Rules = append(g.Rules, fileRule{
				Alert: r.Name, Expr: r.Expr, For: r.For, Labels: map[string]string{"severity": string(r.Severity)},
				Annotations: map[string]string{"summary": r.Summary, "description": r.Description, "runbook_url": o.Runbooks + r.Runbook()},
			})
		}
		f.Groups = append(f.Groups, g)
	}
	return f
}

// PrometheusRule is the object that makes the Prometheus operator load the rules. The
// labels are those that its ruleSelector asks for.
type PrometheusRule struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       File     `yaml:"spec"`
}

type metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels,omitempty"`
}

// NewPrometheusRule puts a file into an object named scalestack.
func NewPrometheusRule(f File, labels map[string]string) PrometheusRule {
	return PrometheusRule{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule",
		Metadata: metadata{Name: "scalestack", Labels: labels}, Spec: f}
}

// Encode renders a File or a PrometheusRule as YAML.
func Encode(what any) ([]byte, error) {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(what); err != nil {
		return nil, err
	}
	return text.Bytes(), e.Close()
}
