package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
)

const (
	zoneFile          = "zone.json"
	rulesetFile       = "ruleset.json"
	settingsFile      = "zoneSettingsOverride.json"
	pageRuleFile      = "pageRule.json"
	normalizationFile = "urlNormalizationSettings.json"
	cachePhase        = "http_request_cache_settings"
	cacheAction       = "set_cache_settings"
)

// file holds the applied resources of one kind, as the lab's emulator of the
// provider writes them.
type file struct {
	Resources map[string]struct {
		Properties json.RawMessage `json:"properties"`
	} `json:"resources"`
}

// zone holds, by kind, the values that count in a zone, whoever set them. It
// wins over what was applied.
type zone struct {
	Values map[string]json.RawMessage `json:"values"`
}

type ruleset struct {
	Phase string            `json:"phase"`
	Rules []json.RawMessage `json:"rules"`
}

// common is what rules of every phase have.
type common struct {
	ID          string `json:"id"`
	Ref         string `json:"ref"`
	Description string `json:"description"`
	Enabled     *bool  `json:"enabled"`
	Expression  string `json:"expression"`
	Action      string `json:"action"`
}

func (c *common) enabled() bool { return c.Enabled == nil || *c.Enabled }

func (c *common) when() (*expression.Expression, error) {
	when, err := expression.Compile(c.Expression)
	if err != nil {
		return nil, fmt.Errorf("expression: %w in %s", err, c.Expression)
	}
	return when, nil
}

// Load reads the rules of the only zone below dir, or of the zone whose folder
// dir is. A zone without rules has Cloudflare's defaults.
func Load(dir string) (*Rules, error) {
	zone, err := zoneFolder(dir)
	if err != nil {
		return nil, err
	}
	r := &Rules{Zone: filepath.Base(zone), Settings: ZoneSettings{CacheLevel: LevelStandard}}
	if err := r.loadRulesets(filepath.Join(zone, rulesetFile)); err != nil {
		return nil, err
	}
	if r.Pages, err = loadPageRules(filepath.Join(zone, pageRuleFile)); err != nil {
		return nil, err
	}
	if err := loadSettings(zone, &r.Settings); err != nil {
		return nil, err
	}
	r.Normalization, err = loadNormalization(zone)
	return r, err
}

func zoneFolder(dir string) (string, error) {
	for _, file := range []string{zoneFile, rulesetFile, pageRuleFile} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			return dir, nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var zones []string
	for _, e := range entries {
		if e.IsDir() {
			zones = append(zones, e.Name())
		}
	}
	switch len(zones) {
	case 0:
		return dir, nil
	case 1:
		return filepath.Join(dir, zones[0]), nil
	}
	return "", fmt.Errorf("%s holds %d zones, name the folder of one: %q", dir, len(zones), zones)
}

// read returns an empty file where there is none.
func read(path string) (*file, error) {
	f := &file{}
	return f, decode(path, f)
}

func decode(path string, into any) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// loadValues decodes what counts of the kind that file is named after: the
// zone's own values, or else what was applied, which under lies in its
// properties.
func loadValues(dir, file, under string, into any) error {
	var z zone
	if err := decode(filepath.Join(dir, zoneFile), &z); err != nil {
		return err
	}
	path := filepath.Join(dir, file)
	if values, known := z.Values[strings.TrimSuffix(file, ".json")]; known {
		return json.Unmarshal(values, into)
	}
	applied, err := read(path)
	if err != nil {
		return err
	}
	for id, resource := range applied.Resources {
		values := resource.Properties
		if under != "" {
			var parts map[string]json.RawMessage
			if err := json.Unmarshal(values, &parts); err != nil {
				return fmt.Errorf("%s: %s: %w", path, id, err)
			}
			values = parts[under]
		}
		if values == nil {
			continue
		}
		if err := json.Unmarshal(values, into); err != nil {
			return fmt.Errorf("%s: %s: %w", path, id, err)
		}
	}
	return nil
}

func (r *Rules) loadRulesets(path string) error {
	f, err := read(path)
	if err != nil {
		return err
	}
	for id, resource := range f.Resources {
		var set ruleset
		if err := json.Unmarshal(resource.Properties, &set); err != nil {
			return fmt.Errorf("%s: %s: %w", path, id, err)
		}
		if set.Phase != cachePhase && set.Phase != ratePhase && len(set.Rules) > 0 {
			return fmt.Errorf("%s: %s: the phase %s is not evaluated here, only %s and %s are", path, id, set.Phase, cachePhase, ratePhase)
		}
		for i, raw := range set.Rules {
			if err := r.addRule(set.Phase, raw); err != nil {
				return fmt.Errorf("%s: rules[%d]: %w", path, i, err)
			}
		}
	}
	return nil
}

func (r *Rules) addRule(phase string, raw json.RawMessage) error {
	if phase == ratePhase {
		limit, err := compileLimit(raw)
		if err == nil {
			r.Limits = append(r.Limits, *limit)
		}
		return err
	}
	compiled, err := compile(raw)
	if err == nil {
		r.Rules = append(r.Rules, *compiled)
	}
	return err
}

func compile(raw json.RawMessage) (*Rule, error) {
	var r struct {
		common
		ActionParameters Parameters `json:"actionParameters"`
	}
	if err := decodeStrict(raw, &r); err != nil {
		return nil, err
	}
	if r.Action != cacheAction {
		return nil, fmt.Errorf("action %q is not %s", r.Action, cacheAction)
	}
	if err := r.ActionParameters.check(); err != nil {
		return nil, fmt.Errorf("actionParameters.%w", err)
	}
	when, err := r.when()
	if err != nil {
		return nil, err
	}
	return &Rule{Ref: r.Ref, Description: r.Description, Enabled: r.enabled(), When: when, Set: r.ActionParameters}, nil
}

// decodeStrict refuses what would change an answer unread.
func decodeStrict(raw json.RawMessage, into any) error {
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	return strict.Decode(into)
}

func loadNormalization(dir string) (Normalization, error) {
	n := Normalization{Type: NormalizeRFC3986, Scope: NormalizeIncoming}
	if err := loadValues(dir, normalizationFile, "", &n); err != nil {
		return n, err
	}
	if n.Type != NormalizeRFC3986 && n.Type != NormalizeCloudflare || n.Scope != NormalizeIncoming && n.Scope != NormalizeBoth {
		return n, fmt.Errorf("%s: type %q with scope %q is not known here", dir, n.Type, n.Scope)
	}
	return n, nil
}

func loadSettings(dir string, settings *ZoneSettings) error {
	return loadValues(dir, settingsFile, "settings", settings)
}
