package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scalestack/scalestack/internal/check"
)

// project is the namespace of our settings in Pulumi's configuration.
const project = "scalestack"

// Load reads the settings that a run got and returns either a configuration
// that can be deployed or every mistake in it. Nothing is registered here.
//
// What a wrong value was meant to be is not known, so a section with one is
// not checked any further: a second message would only be a guess.
func Load(info pulumi.RunInfo, options ...Option) (*Config, error) {
	schema := compileSchema()
	form := &check.Errors{}
	document := parse(form, schema, info)
	checkSchema(form, schema, document)
	doubtful := sections(form.Err())
	for name := range doubtful {
		delete(document, name)
	}
	fill(schema, document)
	config := &Config{}
	if err := decode(document, config); err != nil {
		form.Addf("", "%v", err)
		return nil, prefixed(form)
	}
	for _, apply := range options {
		apply(config)
	}
	form.Merge("", config.validate(doubtful))
	if err := prefixed(form); err != nil {
		return nil, err
	}
	return config, nil
}

// parse makes one document of the settings. Pulumi hands over text: objects as
// JSON, anything else as it is.
func parse(errs *check.Errors, schema *jsonschema.Schema, info pulumi.RunInfo) map[string]any {
	document := map[string]any{}
	for key, text := range info.Config {
		name, ours := strings.CutPrefix(key, project+":")
		if !ours {
			continue
		}
		property, isKnown := schema.Properties[name]
		switch {
		case slices.Contains(info.ConfigSecretKeys, key):
			errs.Addf(name, "is a secret, and no setting is one: passwords are generated")
		case !isKnown || typeOf(target(property)) == "[string]":
			document[name] = text
		default:
			document[name] = parseObject(text)
		}
	}
	return document
}

// parseObject returns text itself when it is no JSON; the schema refuses it then.
func parseObject(text string) any {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return text
	}
	return value
}

// sections returns the top-level names in which a mistake was found.
func sections(err error) map[string]bool {
	found := map[string]bool{}
	for _, one := range list(err) {
		section, _, _ := strings.Cut(one.Path, ".")
		found[section] = true
	}
	return found
}

func list(err error) []*check.Error {
	var all []*check.Error
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, one := range many.Unwrap() {
			all = append(all, list(one)...)
		}
		return all
	}
	var one *check.Error
	if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}

func decode(document map[string]any, config *Config) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(config)
}

// prefixed writes the paths as `pulumi config` knows them.
func prefixed(errs *check.Errors) error {
	out := &check.Errors{}
	for _, one := range list(errs.Err()) {
		out.Addf(project+":"+one.Path, "%s", one.Problem)
	}
	return out.Err()
}
